import { writeFileSync } from "node:fs";
import { startCloud } from "./rehearsal/cloud/start.ts";
import { Rehearsal } from "./rehearsal/rehearsal.ts";
import { createWorkspace } from "./rehearsal/workspace.ts";
const running = await startCloud({ patienceMilliseconds: 10_000 });
const workspace = await createWorkspace({ debugProviders: running.debugProviders, checkpoints: "at-end" });
const r = new Rehearsal(workspace, console.log);
try {
for (const s of ["eu", "us"]) await r.init(s);
await r.secret("eu", "meet:oidcClientSecret"); await r.secret("eu", "meet:mailPassword");
for (const s of ["eu", "us"]) console.log(s, await r.up(s));
writeFileSync("/tmp/proc/things2.json", JSON.stringify(running.cloud.all()));
await r.addRegion().catch((e) => 0);
writeFileSync("/tmp/proc/things3.json", JSON.stringify(running.cloud.all()));
} finally { await running.close(); await workspace.remove(); process.exit(); }
