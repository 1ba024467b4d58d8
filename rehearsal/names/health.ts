/** A health check that asks an address. */
export interface EndpointCheck {
  readonly kind: "endpoint";
  readonly id: string;
  readonly protocol: "HTTP" | "HTTPS" | "TCP";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly intervalSeconds: number;
  /** So many answers in a row change what a place thinks, for the better as for the worse. */
  readonly threshold: number;
  /** Where it is asked from; empty: from everywhere. */
  readonly regions: readonly string[];
  /** What has to be in the first 5120 bytes of the answer. */
  readonly searchString?: string;
  readonly isInverted: boolean;
  readonly isDisabled: boolean;
}

/** A health check that counts others. */
export interface CalculatedCheck {
  readonly kind: "calculated";
  readonly id: string;
  readonly children: readonly string[];
  /** So many of the children have to be healthy. */
  readonly threshold: number;
  readonly isInverted: boolean;
  readonly isDisabled: boolean;
}

export type HealthCheck = EndpointCheck | CalculatedCheck;

/** The places that Route 53 asks from (Route 53 API Reference, HealthCheckConfig, `Regions`). */
export const CHECKER_REGIONS = [
  "us-east-1",
  "us-west-1",
  "us-west-2",
  "eu-west-1",
  "ap-southeast-1",
  "ap-southeast-2",
  "ap-northeast-1",
  "sa-east-1",
] as const;

/** More than this share of the places has to find an endpoint healthy (…/dns-failover-determining-health-of-endpoints.html). */
const HEALTHY_SHARE = 0.18;

/** What one place thinks of an endpoint: it makes up its mind, and changes it, after so many equal answers in a row. */
export class Opinion {
  private readonly threshold: number;
  private opinion: boolean | undefined;
  private last: boolean | undefined;
  private inARow = 0;

  constructor(threshold: number) {
    this.threshold = threshold;
  }

  /** Undefined until there is enough data. */
  get isHealthy(): boolean | undefined {
    return this.opinion;
  }

  /** Takes one answer. */
  take(passed: boolean): void {
    this.inARow = passed === this.last ? this.inARow + 1 : 1;
    this.last = passed;
    if (this.inARow >= this.threshold) {
      this.opinion = passed;
    }
  }
}

/** What all places together say of an endpoint: undefined while none has enough data. */
export function verdict(opinions: readonly (boolean | undefined)[]): boolean | undefined {
  const known = opinions.filter((opinion) => opinion !== undefined);
  return known.length === 0
    ? undefined
    : known.filter((isHealthy) => isHealthy).length > known.length * HEALTHY_SHARE;
}

/**
 * The status of a health check, by AWS's rules: a new one is healthy until there is enough data; a disabled one is
 * always healthy; inverting turns any of these round; a calculated one counts its children.
 *
 * @param verdictOf what the places say of an endpoint check, by its id
 */
export function isHealthy(
  id: string,
  checks: ReadonlyMap<string, HealthCheck>,
  verdictOf: (id: string) => boolean | undefined,
): boolean {
  const check = checks.get(id);
  if (check === undefined) {
    throw new Error(`Health check "${id}": there is none. Deploy the stack that makes it.`);
  }
  return status(check) !== check.isInverted;

  function status(of: HealthCheck): boolean {
    if (of.isDisabled) {
      return true;
    }
    return of.kind === "endpoint"
      ? (verdictOf(of.id) ?? true)
      : of.children.filter((child) => isHealthy(child, checks, verdictOf)).length >= of.threshold;
  }
}
