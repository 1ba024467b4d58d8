import * as z from "zod";
import { regionalLivekitHost } from "../components/shared/names.ts";
import { signAdminRequest, type AdminRequest } from "../services/rooms/admin/admin-request.ts";
import { EXIT, FleetError, sentenceOf } from "./exit.ts";

/** Variable with base URLs of gateways by region, as JSON: for the rehearsal, and where DNS is what is broken. */
export const ENDPOINTS_VARIABLE = "MEET_FLEET_ENDPOINTS";

/** Milliseconds for one call; a gateway answers an operator within these or is taken for silent. */
const CALL_MS = 10_000;

/** A call that changes nothing is made so often, with pauses between. */
const READS = 3;
const PAUSE_MS = 500;

/** A gateway that gave no answer, or did not do what was asked. */
export class GatewayFault extends FleetError {
  readonly region: string;
  /** True if nothing came back: nobody knows whether the call had an effect. */
  readonly isSilent: boolean;

  constructor(region: string, sentence: string, isSilent: boolean) {
    super(sentence);
    this.region = region;
    this.isSilent = isSilent;
  }
}

/** What the calls are made with; the network and the clock are replaced in tests. */
export interface GatewayAccess {
  /** Base URL of each region's gateway. */
  readonly endpoints: ReadonlyMap<string, string>;
  readonly secret: string;
  /** Name that the gateways log. */
  readonly operator: string;
  readonly fetch?: typeof fetch;
  readonly sleep?: (ms: number) => Promise<void>;
}

const faultSchema = z.object({ error: z.string() });

/** The admin calls to the regions' gateways. */
export class Gateways {
  private readonly access: GatewayAccess;

  constructor(access: GatewayAccess) {
    this.access = access;
  }

  /** The regions that can be asked. */
  regions(): readonly string[] {
    return [...this.access.endpoints.keys()];
  }

  /** The same gateways, which log this name for the operator and keep it with his orders. */
  inTheNameOf(operator: string): Gateways {
    return new Gateways({ ...this.access, operator });
  }

  /** Name that the gateways log. */
  operator(): string {
    return this.access.operator;
  }

  /** Base URL of a region's gateway. @throws GatewayFault where it is not known */
  addressOf(region: string): string {
    const base = this.access.endpoints.get(region);
    if (base === undefined) {
      throw new GatewayFault(
        region,
        `Region "${region}": its gateway's address is not known. Name it in ${ENDPOINTS_VARIABLE}.`,
        true,
      );
    }
    return base;
  }

  /**
   * Makes one call. Only reads are repeated: whether a change that got no answer was made, a look at the status tells.
   * @throws GatewayFault
   */
  async ask<T>(region: string, request: AdminRequest, schema: z.ZodType<T>): Promise<T> {
    const attempts = request.method === "GET" ? READS : 1;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(region, request, schema);
      } catch (error) {
        const isSilent = error instanceof GatewayFault && error.isSilent;
        if (!isSilent || attempt >= attempts) {
          throw error;
        }
        await (this.access.sleep ?? pause)(PAUSE_MS);
      }
    }
  }

  /** Asks one region after another until one answers. @throws GatewayFault of the last */
  async askAny<T>(
    regions: readonly string[],
    request: AdminRequest,
    schema: z.ZodType<T>,
  ): Promise<T> {
    let last: unknown = new FleetError(
      "Fleet: there is no region to ask. Look at the stack files.",
    );
    for (const region of regions) {
      try {
        return await this.ask(region, request, schema);
      } catch (error) {
        if (!(error instanceof GatewayFault) || !error.isSilent) {
          throw error;
        }
        last = error;
      }
    }
    throw last;
  }

  private async once<T>(region: string, request: AdminRequest, schema: z.ZodType<T>): Promise<T> {
    const base = this.addressOf(region);
    const { secret, operator } = this.access;
    const { url, ...signed } = await signAdminRequest({ base, region, secret, operator }, request);
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(CALL_MS);
      response = await (this.access.fetch ?? fetch)(url, { ...signed, signal, redirect: "error" });
      text = await response.text();
    } catch (error) {
      throw new GatewayFault(
        region,
        `Region "${region}": its gateway does not answer at ${base} (${networkReason(error)}). Look at the region; see docs/runbooks/region-lost.md.`,
        true,
      );
    }
    const body = parsed(text);
    if (!response.ok) {
      throw this.refusal(region, base, response.status, body);
    }
    const answer = schema.safeParse(body);
    if (!answer.success) {
      throw new GatewayFault(
        region,
        `Region "${region}": its gateway's answer is not understood (${z.prettifyError(answer.error).replaceAll("\n", " ")}). Use the fleet command of the version that is deployed.`,
        false,
      );
    }
    return answer.data;
  }

  private refusal(region: string, base: string, status: number, body: unknown): GatewayFault {
    const fault = faultSchema.safeParse(body).data?.error;
    if (status === 401) {
      return new GatewayFault(
        region,
        `Region "${region}": its gateway does not take the operators' secret of the primary's stack, or the clocks differ. Run fleet up ${region}, and look at this machine's clock.`,
        false,
      );
    }
    // Without a sentence of the gateway's own it is a balancer that has nobody behind it.
    return fault === undefined
      ? new GatewayFault(
          region,
          `Region "${region}": ${base} answers ${status}, and not as a gateway does. Look at the gateway's pods.`,
          status >= 500,
        )
      : new GatewayFault(region, `Region "${region}": ${fault}`, false);
  }
}

/**
 * Base URLs of the gateways: the regional names, where the variable does not say otherwise.
 * @throws FleetError when the variable is not understood
 */
export function gatewayEndpoints(
  regions: readonly string[],
  domain: string,
  variable: string | undefined,
): ReadonlyMap<string, string> {
  const given = variable === undefined || variable === "" ? {} : endpointsOf(variable);
  return new Map([
    ...regions.map((region): [string, string] => [
      region,
      `https://${regionalLivekitHost(region, domain)}`,
    ]),
    ...Object.entries(given),
  ]);
}

function endpointsOf(text: string): Readonly<Record<string, string>> {
  const schema = z.record(z.string(), z.url({ protocol: /^https?$/ }));
  const parsedEndpoints = schema.safeParse(parsed(text));
  if (!parsedEndpoints.success) {
    throw new FleetError(
      `Variable "${ENDPOINTS_VARIABLE}": it is no JSON of region to URL. Write it like {"eu": "http://127.0.0.1:8080"}.`,
      EXIT.wrongUse,
    );
  }
  return parsedEndpoints.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function networkReason(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") {
    return `nothing within ${CALL_MS / 1000} s`;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return sentenceOf(cause ?? error) || "no connection";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
