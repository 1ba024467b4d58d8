import { readFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { LocalFleet } from "../../rehearsal/processes/local-fleet.ts";
import { fleetProcesses } from "./fleet-processes.ts";
let f: LocalFleet;
beforeAll(async () => { const t = JSON.parse(readFileSync("/tmp/proc/things2.json", "utf8")); f = await LocalFleet.start({ things: () => t, regions: ["eu", "us"] }); });
afterAll(() => f.close());
fleetProcesses(() => f);
