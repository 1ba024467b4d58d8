import type { Listed } from "../cloud/inventory.ts";
import { answer, type Answer, type Location } from "./answer.ts";
import { ClientCache } from "./client-cache.ts";
import { HealthChecker, type Change, type HealthCheckerOptions } from "./health-checker.ts";
import { readZone, type Zone } from "./records.ts";

/** What a resolver is started with. */
export interface ResolverOptions extends HealthCheckerOptions {
  /** Whether a load balancer has healthy targets; asked by aliases that evaluate their target. @default it has */
  readonly hasHealthyTargets?: (host: string) => boolean;
}

/**
 * Stands in for Route 53: answers from the record sets that were deployed and from health checks that it really makes,
 * to somebody at a place. What it does not stand in for: queries over the network, the caches of browsers and of
 * resolvers that keep answers longer than they may, and AWS's own measurements of latency.
 */
export class Resolver {
  private zone: Zone;
  private readonly checker: HealthChecker;
  private readonly options: ResolverOptions;

  private constructor(inventory: readonly Listed[], options: ResolverOptions) {
    this.zone = readZone(inventory);
    this.options = options;
    this.checker = HealthChecker.start(() => this.zone, options);
  }

  /** Reads the zone and begins to check. */
  static start(inventory: readonly Listed[], options: ResolverOptions): Resolver {
    return new Resolver(inventory, options);
  }

  /** Reads the zone again, once a stack has been deployed or removed. */
  refresh(inventory: readonly Listed[]): void {
    this.zone = readZone(inventory);
    this.checker.refresh();
  }

  /** What somebody at a place is answered now; undefined if there is no such name. */
  answer(name: string, from: Location): Answer | undefined {
    return answer(this.zone, name, from, {
      isHealthy: (id) => this.checker.isHealthy(id),
      hasHealthyTargets: this.options.hasHealthyTargets ?? (() => true),
    });
  }

  /** The resolver of a client at a place, which keeps answers for their TTL. */
  clientAt(from: Location): ClientCache {
    return new ClientCache((name) => this.answer(name, from));
  }

  /** When health checks changed. */
  get changes(): readonly Change[] {
    return this.checker.changes;
  }

  /** Whether every place that asks has enough data. */
  get isSettled(): boolean {
    return this.checker.isSettled;
  }

  /** Seconds between two questions of the deployed checks, and the TTL of a name: what failing over takes. */
  budgetOf(
    name: string,
    from: Location,
  ): { readonly intervalSeconds: number; readonly ttlSeconds: number } {
    const intervals = [...this.zone.checks.values()].map((check) =>
      check.kind === "endpoint" ? check.intervalSeconds * check.threshold : 0,
    );
    return {
      intervalSeconds: Math.max(0, ...intervals),
      ttlSeconds: this.answer(name, from)?.ttlSeconds ?? 0,
    };
  }

  stop(): void {
    this.checker.stop();
  }
}
