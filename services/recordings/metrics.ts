import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ExpiryVerdict } from "./expiry-check.ts";

/** What became of a request. */
export type Outcome =
  | "redirected"
  | "streamed"
  | "described"
  | "denied"
  | "refused"
  | "missing"
  | "deleted"
  | "meet-away"
  | "storage-away"
  | "busy"
  | "failed";

/** What is asked when Prometheus asks. */
export interface MetricsState {
  buckets(): number;
  credentialsEnd(): number | undefined;
  deletions(): { readonly count: number; readonly oldestSeconds: number };
  unsettled(): { readonly count: number; readonly oldestSeconds: number };
  expiry(): readonly ExpiryVerdict[];
}

/** What the route measures. No label holds a medium's or a person's name. */
export class Metrics {
  readonly registry = new Registry();

  private readonly requests: Histogram<"kind" | "outcome">;
  private readonly underWay: Gauge;
  private readonly meet: Histogram<"outcome">;
  private readonly storage: Histogram<"operation" | "outcome">;
  private readonly where: Counter<"where">;
  private readonly deletions: Counter<"outcome">;
  private readonly deleteRequests: Counter<"outcome">;

  constructor(region: string, state: MetricsState) {
    this.registry.setDefaultLabels({ region });
    collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    this.requests = new Histogram({
      name: "recordings_request_seconds",
      help: "Time until a request's answer begins, by kind of medium and what became of it",
      labelNames: ["kind", "outcome"],
      buckets: SECONDS,
      registers,
    });
    this.underWay = new Gauge({
      name: "recordings_requests_under_way",
      help: "Requests being served",
      registers,
    });
    this.meet = new Histogram({
      name: "recordings_meet_seconds",
      help: "Time that Meet takes to decide, by its decision",
      labelNames: ["outcome"],
      buckets: SECONDS,
      registers,
    });
    this.storage = new Histogram({
      name: "recordings_storage_seconds",
      help: "Time that S3 takes until its answer begins, by operation and status",
      labelNames: ["operation", "outcome"],
      buckets: SECONDS,
      registers,
    });
    this.where = new Counter({
      name: "recordings_found_total",
      help: "Media found, by where: at home, where it was last time, or by a search of all buckets",
      labelNames: ["where"],
      registers,
    });
    this.deletions = new Counter({
      name: "recordings_deletions_total",
      help: "Tries to delete a recording everywhere, by what came of them",
      labelNames: ["outcome"],
      registers,
    });
    this.deleteRequests = new Counter({
      name: "recordings_delete_requests_total",
      help: "Requests to delete a recording, by what became of them",
      labelNames: ["outcome"],
      registers,
    });
    const gauge = (name: string, help: string, value: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge("recordings_buckets", "Buckets known, the home included", () => state.buckets());
    gauge(
      "recordings_credentials_end_seconds",
      "Unix time at which the role's credentials end; 0 where there are none",
      () => state.credentialsEnd() ?? 0,
    );
    gauge(
      "recordings_deletions_waiting",
      "Recordings that are to be deleted everywhere, and are not yet",
      () => state.deletions().count,
    );
    gauge(
      "recordings_deletions_oldest_seconds",
      "Age of the oldest of them",
      () => state.deletions().oldestSeconds,
    );
    gauge(
      "recordings_deletions_unsettled",
      "Deletions of which it is not known whether Meet made them; their files are kept",
      () => state.unsettled().count,
    );
    gauge(
      "recordings_deletions_unsettled_oldest_seconds",
      "Age of the oldest of them",
      () => state.unsettled().oldestSeconds,
    );
    new Gauge({
      name: "recordings_expiry_disagrees",
      help: "1 where a bucket's lifecycle rules remove recordings after other days than Meet says",
      labelNames: ["bucket", "endpoint"],
      registers,
      collect() {
        for (const { bucket, disagrees } of state.expiry()) {
          this.set({ bucket: bucket.name, endpoint: bucket.endpoint }, disagrees ? 1 : 0);
        }
      },
    });
  }

  /** A request came in. */
  began(): void {
    this.underWay.inc();
  }

  /** It is over. */
  ended(): void {
    this.underWay.dec();
  }

  /** A request's answer began. */
  answered(kind: string, outcome: Outcome, seconds: number): void {
    this.requests.observe({ kind, outcome }, seconds);
  }

  /** Meet decided, or did not. */
  decided(outcome: string, seconds: number): void {
    this.meet.observe({ outcome }, seconds);
  }

  /** S3 answered, or did not. */
  stored(operation: string, outcome: string, seconds: number): void {
    this.storage.observe({ operation, outcome }, seconds);
  }

  /** A recording was to be deleted everywhere. */
  deleted(outcome: "done" | "again" | "failed"): void {
    this.deletions.inc({ outcome });
  }

  /** Somebody asked to delete a recording. */
  deleteRequested(outcome: string): void {
    this.deleteRequests.inc({ outcome });
  }

  /** A medium was found. */
  found(where: "home" | "remembered" | "searched"): void {
    this.where.inc({ where });
  }
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
