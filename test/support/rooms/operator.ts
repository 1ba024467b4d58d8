import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  signAdminRequest,
  type AdminRequest,
} from "../../../services/rooms/admin/admin-request.ts";
import { OPERATOR_SECRET, type FleetRegion } from "./rooms-fleet.ts";

/** What a region answered to an operator. */
export interface OperatorAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Makes an operator's call to a region, signed as the tools outside do it. */
export async function operate(
  region: FleetRegion,
  request: AdminRequest,
  secret = OPERATOR_SECRET,
): Promise<OperatorAnswer> {
  const signing = { base: region.testUrl, region: region.name, secret, operator: "test" };
  const { url, ...signed } = await signAdminRequest(signing, request);
  const response = await fetch(url, { ...signed, signal: AbortSignal.timeout(10_000) });
  return { status: response.status, body: (await response.json()) as OperatorAnswer["body"] };
}

/** Replaces files of a region's secrets, each in one step. */
export function replaceSecrets(
  region: FleetRegion,
  contents: Readonly<Record<string, string>>,
): void {
  for (const [name, content] of Object.entries(contents)) {
    const next = join(region.secrets, `.${name}`);
    writeFileSync(next, content);
    renameSync(next, join(region.secrets, name));
  }
}
