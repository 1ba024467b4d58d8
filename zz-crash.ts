import { readFileSync } from "node:fs";
import { LocalFleet } from "./rehearsal/processes/local-fleet.ts";
const two = JSON.parse(readFileSync("/tmp/proc/things2.json", "utf8"));
const fleet = await LocalFleet.start({ things: () => two, regions: ["eu", "us"], ...(process.env.NETKIND ? { network: process.env.NETKIND as any } : {}) });
console.log("UP", process.pid, fleet.network);
if (process.env.NORMAL) { await fleet.close(); console.log("CLOSED"); process.exit(0); }
process.kill(process.pid, "SIGKILL");
