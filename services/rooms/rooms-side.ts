import type { RoomsEnvironment } from "./config.ts";
import { systemClock } from "./clock.ts";
import type { Metrics } from "./metrics.ts";
import { RoomCarrier } from "./operations/room-carrier.ts";
import { Health } from "./placement/health.ts";
import { Host } from "./placement/host.ts";
import { Keeper } from "./placement/keeper.ts";
import { Mover } from "./placement/mover.ts";
import { Placement } from "./placement/placement.ts";
import type { RegionStatus } from "./placement/ports.ts";
import { Proposer } from "./placement/proposer.ts";
import { Splits } from "./placement/splits.ts";
import type { OtherRegions, OwnRegion } from "./region-side.ts";
import { Pins } from "./rules/pins.ts";
import { RegionPreference } from "./rules/region-preference.ts";
import { RegionRules } from "./rules/region-rules.ts";
import type { TunnelRegistry } from "./signalling/tunnels.ts";
import { PinsStore } from "./store/pins-store.ts";

/** Milliseconds that the store may be away before the region says so: a failover's blink is no reason to move a room. */
const STORE_BLINK_MS = 1_500;

/** What decides where rooms are. */
export interface RoomsSide {
  readonly rules: RegionRules;
  readonly pins: Pins;
  readonly pinsStore: PinsStore;
  readonly placement: Placement;
  readonly health: Health;
  readonly host: Host;
  readonly splits: Splits;
  readonly carrier: RoomCarrier;
  readonly mover: Mover;
  readonly keeper: Keeper;
  /** This region's word about itself. */
  readonly status: () => RegionStatus;
}

/** Puts together what decides where rooms are. */
export function roomsSide(parts: {
  readonly environment: RoomsEnvironment;
  readonly pod: string;
  readonly own: OwnRegion;
  readonly others: OtherRegions;
  readonly tunnels: TunnelRegistry;
  readonly metrics: Metrics;
  readonly isDraining: () => boolean;
}): RoomsSide {
  const { environment, own, others, metrics, pod, tunnels } = parts;
  const { REGION: region } = environment;
  const rules = new RegionRules(environment.PLACEMENT_RULES ?? []);
  const pinsStore = new PinsStore(own.valkey);
  const pins = new Pins(pinsStore, {
    members: () => others.peers.members(),
    putPin: (peer, pin) => others.calls.putPin(peer, pin),
    pins: (peer, cursor) => others.calls.pins(peer, cursor),
  });
  const preference = new RegionPreference({
    region,
    members: () => others.peers.members(),
    rules,
    pins,
    order: environment.REGION_ORDER ?? [],
  });
  const status = statusOf(region, own, parts.isDraining);
  const common = {
    region,
    pod,
    store: own.store,
    peers: others.peers,
    liveKit: own.liveKit,
    clock: systemClock,
    metrics,
    tunnels,
  };
  const proposer = new Proposer({ ...common, ownStatus: status, random: Math.random });
  const health = new Health(region, others.peers, own.liveKit, systemClock);
  const splits = new Splits({ ...common, proposer });
  const carrier = new RoomCarrier(own.liveKitApi, systemClock);
  return {
    rules,
    pins,
    pinsStore,
    placement: new Placement({
      ...common,
      proposer,
      health,
      preference: (wish) => preference.forWish(wish),
    }),
    health,
    host: new Host(common),
    splits,
    carrier,
    mover: new Mover({
      ...common,
      proposer,
      carrier,
      preference: (room) => preference.elsewhere(room),
    }),
    keeper: new Keeper({ ...common, proposer, splits }),
    status,
  };
}

function statusOf(region: string, own: OwnRegion, isDraining: () => boolean): () => RegionStatus {
  let awaySince: number | undefined;
  return () => {
    const now = systemClock.monotonic();
    awaySince = own.store.up() ? undefined : (awaySince ?? now);
    return {
      region,
      liveKitUp: own.liveKit.up(),
      storeUp: awaySince === undefined || now - awaySince < STORE_BLINK_MS,
      draining: isDraining(),
    };
  };
}
