import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type CounterConfiguration,
} from "prom-client";
import type { Cause } from "./placement/claim.ts";

/** Where an upstream's fault was seen. */
export type UpstreamError = "livekit" | "peer" | "store" | "meet";

/** What is counted of the webhooks on their way from LiveKit to Meet. */
export class WebhookCounters {
  private readonly events: Counter<"outcome" | "reason">;
  private readonly waiting: Gauge;
  private readonly age: Gauge;
  private readonly aside: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
    this.events = new Counter({
      name: "rooms_webhooks_total",
      help: "Webhooks, by what became of them, and why",
      labelNames: ["outcome", "reason"],
      registers,
    });
    this.waiting = gauge("rooms_webhooks_waiting", "Webhooks not yet relayed to Meet");
    this.age = gauge("rooms_webhooks_oldest_seconds", "Age of the oldest of them");
    this.aside = gauge("rooms_webhooks_set_aside", "Webhooks that Meet refuses");
  }

  /** LiveKit posted one, for the first time or again. */
  received(isRepetition: boolean): void {
    this.count("received", isRepetition ? "again" : "");
  }

  /** One was turned away. */
  refused(reason: string): void {
    this.count("refused", reason);
  }

  /** Meet took one. */
  relayed(): void {
    this.count("relayed");
  }

  /** One is sent to Meet again. */
  retried(): void {
    this.count("retried");
  }

  /** One will not be relayed. */
  dropped(reason: string): void {
    this.count("dropped", reason);
  }

  /** Meet refuses one while healthy. */
  setAside(): void {
    this.count("set-aside");
  }

  /** What waits, how long the oldest has, and how many were set aside. */
  queue(length: number, oldestSeconds: number, setAside: number): void {
    this.waiting.set(length);
    this.age.set(oldestSeconds);
    this.aside.set(setAside);
  }

  private count(outcome: string, reason = ""): void {
    this.events.inc({ outcome, reason });
  }
}

/** What a gateway measures. No label holds a room's or a person's name: there are too many, and they are private. */
export class Metrics {
  readonly registry = new Registry();
  /** What is counted of webhooks. */
  readonly webhooks: WebhookCounters;

  private readonly tunnels: Gauge<"to">;
  private readonly joins: Counter<"to" | "outcome">;
  private readonly placementSeconds: Histogram<"how">;
  private readonly claims: Counter<"cause">;
  private readonly admissions: Counter<"outcome">;
  private readonly moves: Counter<"cause">;
  private readonly cut: Counter<"reason">;
  private readonly splitsFound: Counter;
  private readonly splitsHealed: Counter;
  private readonly peers: Gauge<"peer">;
  private readonly twirp: Histogram<"method" | "code">;
  private readonly egressStopped: Counter;
  private readonly upstreamErrors: Counter<"kind" | "to">;
  private readonly draining: Gauge;

  constructor(region: string) {
    this.registry.setDefaultLabels({ region });
    collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    const counter = <T extends string>(
      name: string,
      help: string,
      labelNames: readonly T[] = [],
    ): Counter<T> => {
      const configuration: CounterConfiguration<T> = { name, help, labelNames, registers };
      return new Counter(configuration);
    };
    const gauge = <T extends string>(
      name: string,
      help: string,
      labelNames: readonly T[] = [],
    ): Gauge<T> => new Gauge({ name, help, labelNames, registers });

    this.tunnels = gauge("rooms_tunnels", "Connections open here, by hosting region", ["to"]);
    this.joins = counter("rooms_joins_total", "Joins, by hosting region and outcome", [
      "to",
      "outcome",
    ]);
    this.placementSeconds = new Histogram({
      name: "rooms_placement_seconds",
      help: "Time to find or claim a room's region, by how it was found",
      labelNames: ["how"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.claims = counter("rooms_claims_total", "Claims settled, by cause", ["cause"]);
    this.admissions = counter("rooms_admissions_total", "Admissions by the host, by outcome", [
      "outcome",
    ]);
    this.moves = counter("rooms_moves_total", "Rooms that got another host, by cause", ["cause"]);
    this.cut = counter("rooms_tunnels_cut_total", "Connections ended by the gateway", ["reason"]);
    this.splitsFound = counter("rooms_splits_found_total", "Rooms found in two regions");
    this.splitsHealed = counter("rooms_splits_healed_total", "Split rooms brought together");
    this.peers = gauge("rooms_peer_reachable", "1 if the region answers, 0 if not", ["peer"]);
    this.twirp = new Histogram({
      name: "rooms_twirp_seconds",
      help: "Server-API calls, by method and Twirp code",
      labelNames: ["method", "code"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.egressStopped = counter(
      "rooms_late_egress_stopped_total",
      "Recordings stopped that began after Meet had been told that they did not",
    );
    this.upstreamErrors = counter("rooms_upstream_errors_total", "Faults of others, by kind", [
      "kind",
      "to",
    ]);
    this.webhooks = new WebhookCounters(this.registry);
    this.draining = gauge("rooms_draining", "1 while the region takes no new rooms");
  }

  /** A connection towards a hosting region was opened. */
  tunnelOpened(to: string): void {
    this.tunnels.inc({ to });
  }

  /** A connection ended, for whatever reason. */
  tunnelClosed(to: string): void {
    this.tunnels.dec({ to });
  }

  /** Connections that the gateway ended itself. */
  tunnelsCut(reason: string, count: number): void {
    this.cut.inc({ reason }, count);
  }

  /** A join ended well, or did not; `to` is "none" where no region was found. */
  joined(to: string, outcome: "joined" | "refused" | "failed"): void {
    this.joins.inc({ to, outcome });
  }

  /** The region of a room was found. */
  located(how: "known" | "surveyed", seconds: number): void {
    this.placementSeconds.observe({ how }, seconds);
  }

  /** A claim was settled. */
  claimed(cause: Cause): void {
    this.claims.inc({ cause });
    if (cause !== "join") {
      this.moves.inc({ cause });
    }
  }

  /** The host let somebody in, or did not. */
  admission(outcome: "admitted" | "moved" | "livekit-down" | "store-away"): void {
    this.admissions.inc({ outcome });
  }

  /** A room was found in two regions. */
  splitFound(): void {
    this.splitsFound.inc();
  }

  /** A split was decided and written everywhere. */
  splitHealed(): void {
    this.splitsHealed.inc();
  }

  /** Another region answers, or no longer does. */
  peerReachable(peer: string, reachable: boolean): void {
    this.peers.set({ peer }, reachable ? 1 : 0);
  }

  /** A region is no member any more. */
  peerForgotten(peer: string): void {
    this.peers.remove({ peer });
  }

  /** A server-API call was answered; `method` is one of the methods known here, `other` for the rest. */
  twirpAnswered(method: string, code: string, seconds: number): void {
    this.twirp.observe({ method, code }, seconds);
  }

  /** A server-API call to a region did not come through. */
  upstreamFailed(to: string, kind: "not-sent" | "unknown"): void {
    this.upstreamErrors.inc({ kind: `twirp-${kind}`, to });
  }

  /** A recording was stopped that began too late for anyone to know of it. */
  lateEgressStopped(): void {
    this.egressStopped.inc();
  }

  /** Another server did not answer, or answered with a fault. */
  upstreamError(kind: UpstreamError, to: string): void {
    this.upstreamErrors.inc({ kind, to });
  }

  /** Whether the region takes new rooms. */
  drains(draining: boolean): void {
    this.draining.set(draining ? 1 : 0);
  }
}
