import { textOf } from "./script.ts";
import type { Valkey } from "./valkey.ts";

/** Seconds for which a recording's region is remembered; longer than any recording may run. */
const REMEMBERED_SECONDS = 48 * 60 * 60;

/** Which region a recording was started in, so that its calls need not ask every region. */
export class EgressRegions {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  /** @throws StoreAway */
  async remember(egressId: string, region: string): Promise<void> {
    await this.valkey.command("SET", keyOf(egressId), region, "EX", REMEMBERED_SECONDS);
  }

  /** The region, undefined where it is not known here. @throws StoreAway */
  async regionOf(egressId: string): Promise<string | undefined> {
    return textOf(await this.valkey.command("GET", keyOf(egressId)));
  }
}

function keyOf(egressId: string): string {
  return `rooms:egress:${egressId}`;
}
