import { readFileSync } from "node:fs";
import { LocalFleet } from "./rehearsal/processes/local-fleet.ts";
import { RtcNodeClients } from "./rehearsal/clients/rtc-node.ts";
import { joinToken } from "./rehearsal/clients/tokens.ts";
const two = JSON.parse(readFileSync("/tmp/proc/things2.json", "utf8"));
const three = JSON.parse(readFileSync("/tmp/proc/things3.json", "utf8"));
let things = two;
const t0 = Date.now();
const log = (...a: unknown[]) => console.log(((Date.now() - t0) / 1000).toFixed(1), ...a);
const fleet = await LocalFleet.start({ things: () => things, regions: ["eu", "us"], planned: [{ name: "ap", awsRegion: "ap-northeast-1" }], ...(process.env.NETKIND ? { network: process.env.NETKIND as any } : {}) });
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
const step = async (name: string, act: () => Promise<unknown>) => { const t = Date.now(); try { const r = await act(); log("OK", name, Date.now() - t, "ms", r === undefined ? "" : JSON.stringify(r)); } catch (e) { log("FAIL", name, Date.now() - t, String((e as Error).stack).slice(0, 1800)); } };
const health = async (r: string) => { const { host, port } = await fleet.reachDirectly(r); try { return (await fetch(`http://${host}:${port}/region-health`, { signal: AbortSignal.timeout(3000) })).status; } catch (e) { return (e as any).cause?.code ?? (e as any).name; } };
const until = async (look: () => Promise<boolean>, s = 30) => { const d = Date.now() + s * 1000; while (!(await look())) { if (Date.now() > d) throw new Error("until"); await sleep(200); } };
log("started", fleet.network, fleet.delays, [...fleet.regions.values()].map((r) => r.pods.map((p) => p.name)), fleet.rewrites.length, "rewrites", fleet.notRun.length, "not run");
const europe = RtcNodeClients.start(fleet.clients.get("europe")), america = RtcNodeClients.start(fleet.clients.get("america"));
const asia = RtcNodeClients.start(fleet.clients.get("asia"));
const { key, operatorSecret: _o, endpoints } = fleet.access();
const join = async (clients: RtcNodeClients, place: string, region: string, room: string, identity: string) => { const { host, port } = await fleet.reach(place, region); return clients.join({ identity, url: `http://${host}:${port}`, token: await joinToken({ key, room, identity }), audio: true }); };
const pods = (r: string, w: string) => fleet.regions.get(r)!.pods.filter((p) => p.workload === w);
let a: any, b: any;



const tw = await import("./rehearsal/clients/server-api.ts");
const lk0 = pods("eu","livekit"); 
for (const p of lk0) for (let i=0;i<2;i++) await step("direct create", async () => tw.twirp(`http://${p.address}:${p.ports["signal"]}`, key, "RoomService/CreateRoom", {name: "x"+i+p.name}));
try {
for (const u of ["eu","us"]) for (let i=0;i<6;i++) { await step("create "+u+i, async () => { const { createRoom } = await import("./rehearsal/clients/server-api.ts"); return createRoom(endpoints[u]!, key, "r"+u+i); }); await sleep(300); }
const lk = pods("eu","livekit"); 
for (const p of lk) await step("direct", async () => (await fetch(`http://${p.address}:${p.ports["signal"] ?? Object.values(p.ports)[0]}/`)).status + JSON.stringify(p.ports));
await step("silence us", async () => { await fleet.regions.get("us")!.silence(); return [await health("us"), await health("eu")]; });
await step("restore us", async () => { await fleet.regions.get("us")!.restore(); await until(async () => (await health("us")) === 200, 40); });
await step("partition etc", async () => { await fleet.partition([["eu"], ["us"]]); log(await health("us")); await fleet.regions.get("us")!.silence(); await fleet.regions.get("us")!.restore(); log(await health("us"));await fleet.heal(); for (let i = 0; i < 14; i++) { log(await health("us"), await health("eu")); await sleep(1000); } });
} finally {
  const {cpSync} = await import("node:fs"); cpSync((fleet as any).folder, "/tmp/proc/folder", {recursive:true});
  for (const p of ["eu","us"]) for (const q of fleet.regions.get(p)!.pods) { const {writeFileSync} = await import("node:fs"); writeFileSync("/tmp/proc/"+q.name+".log", q.logs()); }
  await Promise.all([europe.stop(), america.stop(), asia.stop()]);
  await step("close", () => fleet.close());
  process.exit();
}
