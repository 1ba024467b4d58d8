import type { Log } from "../shared/log.ts";
import { systemClock } from "./clock.ts";
import { meetUrl, type RoomsEnvironment } from "./config.ts";
import type { Metrics } from "./metrics.ts";
import { unlessGone } from "./placement/proposer.ts";
import type { OtherRegions, OwnRegion } from "./region-side.ts";
import type { RoomsSide } from "./rooms-side.ts";
import { WebhookIntake } from "./webhooks/intake.ts";
import { MeetClient } from "./webhooks/meet-client.ts";
import { MeetHealth } from "./webhooks/meet-health.ts";
import { Relay } from "./webhooks/relay.ts";
import { RoomFilter } from "./webhooks/room-filter.ts";
import { ValkeyWebhookQueue } from "./webhooks/valkey-webhook-queue.ts";

/** What brings LiveKit's events to Meet. */
export interface WebhooksSide {
  readonly queue: ValkeyWebhookQueue;
  readonly intake: WebhookIntake;
  readonly relay: Relay;
  readonly stats: () => Promise<{
    readonly waiting: number;
    readonly oldestSeconds: number;
    readonly setAside: number;
  }>;
}

/** Puts together what brings LiveKit's events to Meet. */
export function webhooksSide(
  environment: RoomsEnvironment,
  own: OwnRegion,
  others: Pick<OtherRegions, "membership">,
  rooms: RoomsSide,
  metrics: Metrics,
  log: Log,
): WebhooksSide {
  const queue = new ValkeyWebhookQueue(own.valkey);
  const meet = new MeetClient(() => meetUrl(environment, others.membership.primary()));
  const parts = { queue, keys: own.keys, clock: systemClock, log, metrics: metrics.webhooks };
  const relay = new Relay({
    ...parts,
    filter: new RoomFilter(environment.REGION, own.store, own.deleted),
    meet,
    health: new MeetHealth(meet, systemClock, Math.random),
    random: Math.random,
  });
  const intake = new WebhookIntake({
    ...parts,
    deleted: own.deleted,
    onRoomFinished: (room, sid) => rooms.keeper.roomFinished(room, sid),
    onAdded: () => {
      relay.wake();
    },
  });
  const stats: WebhooksSide["stats"] = async () => {
    const found = await unlessGone(queue.stats());
    return {
      waiting: found?.length ?? 0,
      oldestSeconds: (found?.oldestMs ?? 0) / 1000,
      setAside: found?.setAside ?? 0,
    };
  };
  return { queue, intake, relay, stats };
}
