import { CHECKER_REGIONS, isHealthy, Opinion, verdict } from "./health.ts";
import type { EndpointCheck } from "./health.ts";
import { probe, type Endpoint } from "./probe.ts";
import type { Zone } from "./records.ts";

/** When a health check changed. */
export interface Change {
  readonly at: number;
  readonly host: string;
  readonly isHealthy: boolean;
}

/** What a health checker is given. */
export interface HealthCheckerOptions {
  /** Where an endpoint is on this machine; undefined: nothing is there, so the check fails. */
  readonly locate: (check: EndpointCheck) => Endpoint | undefined;
  /** @default as AWS does it */
  readonly ask?: typeof probe;
}

/** One place that asks for one check. */
interface Place {
  readonly opinion: Opinion;
  timer: NodeJS.Timeout;
}

/**
 * Asks all endpoints of a zone's health checks, as Route 53 does: from several places, each at the deployed interval
 * and none in step with the others.
 */
export class HealthChecker {
  /** Every change so far. */
  readonly changes: Change[] = [];
  private readonly zone: () => Zone;
  private readonly options: HealthCheckerOptions;
  private readonly places = new Map<string, readonly Place[]>();
  private readonly last = new Map<string, boolean>();
  private isStopped = false;

  private constructor(zone: () => Zone, options: HealthCheckerOptions) {
    this.zone = zone;
    this.options = options;
  }

  /** Starts to ask; `refresh` follows when a stack has been deployed or removed. */
  static start(zone: () => Zone, options: HealthCheckerOptions): HealthChecker {
    const checker = new HealthChecker(zone, options);
    checker.refresh();
    return checker;
  }

  /** Takes up checks that are new, and drops those that are gone. */
  refresh(): void {
    const { checks } = this.zone();
    for (const [id, places] of this.places) {
      if (!checks.has(id)) {
        places.forEach(({ timer }) => {
          clearTimeout(timer);
        });
        this.places.delete(id);
      }
    }
    for (const check of checks.values()) {
      if (check.kind === "endpoint" && !check.isDisabled && !this.places.has(check.id)) {
        this.places.set(check.id, this.placesOf(check));
      }
    }
  }

  /** Status of a health check now. */
  isHealthy(id: string): boolean {
    return isHealthy(id, this.zone().checks, (endpoint) =>
      verdict((this.places.get(endpoint) ?? []).map(({ opinion }) => opinion.isHealthy)),
    );
  }

  /** Whether every place has enough data about every endpoint. */
  get isSettled(): boolean {
    return [...this.places.values()].flat().every(({ opinion }) => opinion.isHealthy !== undefined);
  }

  stop(): void {
    this.isStopped = true;
    for (const { timer } of [...this.places.values()].flat()) {
      clearTimeout(timer);
    }
  }

  private placesOf(check: EndpointCheck): readonly Place[] {
    const from = check.regions.length === 0 ? CHECKER_REGIONS : check.regions;
    const intervalMs = check.intervalSeconds * 1000;
    return from.map((_, index) => {
      const place: Place = {
        opinion: new Opinion(check.threshold),
        timer: setTimeout(turn, (index * intervalMs) / from.length),
      };
      const ask = (): void => void this.askFrom(place, check);
      function turn(): void {
        ask();
        place.timer = setTimeout(turn, intervalMs);
      }
      return place;
    });
  }

  private async askFrom(place: Place, check: EndpointCheck): Promise<void> {
    const endpoint = this.options.locate(check);
    const passed = endpoint !== undefined && (await (this.options.ask ?? probe)(check, endpoint));
    if (this.isStopped || !this.places.has(check.id)) {
      return;
    }
    place.opinion.take(passed);
    const now = this.isHealthy(check.id);
    if ((this.last.get(check.id) ?? !check.isInverted) !== now) {
      this.changes.push({ at: Date.now(), host: check.host, isHealthy: now });
    }
    this.last.set(check.id, now);
  }
}
