import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricsServer } from "../../../services/shared/metrics-server.ts";
import { Metrics } from "../../../services/rooms/metrics.ts";
import type { PeerMetrics } from "../../../services/rooms/peers/monitor.ts";
import type { PlacementMetrics } from "../../../services/rooms/placement/placement.ts";
import type { SplitMetrics } from "../../../services/rooms/placement/splits.ts";
import type { LateEgressMetrics } from "../../../services/rooms/twirp/late-egress.ts";
import type { SenderMetrics } from "../../../services/rooms/twirp/sender.ts";
import type { WebhookMetrics } from "../../../services/rooms/webhooks/webhook-metrics.ts";

const metrics = new Metrics("eu");
/** What each part of the gateway counts by. */
const placement: PlacementMetrics & SplitMetrics = metrics;
const peers: PeerMetrics = metrics;
const twirp: SenderMetrics & LateEgressMetrics = metrics;
const webhooks: WebhookMetrics = metrics.webhooks;
const server = metricsServer(metrics.registry);
let base: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function lines(): Promise<readonly string[]> {
  const answer = await fetch(`${base}/metrics?ignored=1`);
  expect(answer.headers.get("content-type")).toContain("text/plain");
  return (await answer.text()).split("\n").map(inOrder);
}

/** A line with its labels by name: their order means nothing. */
function inOrder(line: string): string {
  return line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join()}}`);
}

describe("the metrics of a gateway", () => {
  it("count what its parts report", async () => {
    metrics.tunnelOpened("us");
    metrics.tunnelOpened("us");
    metrics.tunnelClosed("us");
    metrics.tunnelsCut("moved", 4);
    metrics.joined("us", "joined");
    metrics.admission("admitted");
    metrics.upstreamError("livekit", "eu");
    metrics.twirpAnswered("RoomService/ListRooms", "ok", 0.02);
    metrics.drains(true);
    placement.located("known", 0.002);
    placement.claimed("join");
    placement.claimed("failover");
    placement.splitFound();
    placement.splitHealed();
    peers.peerReachable("us", false);
    peers.peerReachable("ap", true);
    peers.peerForgotten("ap");
    twirp.upstreamFailed("us", "not-sent");
    twirp.lateEgressStopped();
    webhooks.received(true);
    webhooks.refused("signature");
    webhooks.relayed();
    webhooks.retried();
    webhooks.dropped("full");
    webhooks.setAside();
    webhooks.queue(3, 12.5, 1);
    const text = await lines();
    for (const line of [
      'rooms_tunnels{to="us",region="eu"} 1',
      'rooms_tunnels_cut_total{reason="moved",region="eu"} 4',
      'rooms_joins_total{to="us",outcome="joined",region="eu"} 1',
      'rooms_admissions_total{outcome="admitted",region="eu"} 1',
      'rooms_upstream_errors_total{kind="livekit",to="eu",region="eu"} 1',
      'rooms_upstream_errors_total{kind="twirp-not-sent",to="us",region="eu"} 1',
      'rooms_twirp_seconds_count{method="RoomService/ListRooms",code="ok",region="eu"} 1',
      'rooms_draining{region="eu"} 1',
      'rooms_placement_seconds_bucket{le="0.0025",how="known",region="eu"} 1',
      'rooms_placement_seconds_bucket{le="0.001",how="known",region="eu"} 0',
      'rooms_claims_total{cause="join",region="eu"} 1',
      'rooms_claims_total{cause="failover",region="eu"} 1',
      'rooms_moves_total{cause="failover",region="eu"} 1',
      'rooms_splits_found_total{region="eu"} 1',
      'rooms_splits_healed_total{region="eu"} 1',
      'rooms_peer_reachable{peer="us",region="eu"} 0',
      'rooms_late_egress_stopped_total{region="eu"} 1',
      'rooms_webhooks_total{outcome="received",reason="again",region="eu"} 1',
      'rooms_webhooks_total{outcome="refused",reason="signature",region="eu"} 1',
      'rooms_webhooks_total{outcome="relayed",reason="",region="eu"} 1',
      'rooms_webhooks_total{outcome="retried",reason="",region="eu"} 1',
      'rooms_webhooks_total{outcome="dropped",reason="full",region="eu"} 1',
      'rooms_webhooks_total{outcome="set-aside",reason="",region="eu"} 1',
      'rooms_webhooks_waiting{region="eu"} 3',
      'rooms_webhooks_oldest_seconds{region="eu"} 12.5',
      'rooms_webhooks_set_aside{region="eu"} 1',
    ]) {
      expect(text).toContain(inOrder(line));
    }
    expect(text.filter((line) => line.startsWith('rooms_moves_total{cause="join"'))).toEqual([]);
    expect(text.filter((line) => line.includes('peer="ap"'))).toEqual([]);
    expect(text.some((line) => line.startsWith("process_resident_memory_bytes{"))).toBe(true);
  });

  it("are at /metrics and nowhere else", async () => {
    expect((await fetch(`${base}/`)).status).toBe(404);
    expect((await fetch(`${base}/metrics`, { method: "POST" })).status).toBe(405);
  });

  it("can be kept twice in one process", async () => {
    const other = new Metrics("us");
    other.splitFound();
    expect(await other.registry.metrics()).toContain('rooms_splits_found_total{region="us"} 1');
  });
});
