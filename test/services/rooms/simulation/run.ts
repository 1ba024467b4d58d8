import { runSchedule } from "./schedule.ts";
const from = Number(process.argv[2] ?? 1),
  count = Number(process.argv[3] ?? 100);
if (process.argv[3] === "trace") {
  const o = await runSchedule(from);
  console.log(o.history.join("\n"));
  process.exit(0);
}
const t = Date.now();
let bad = 0;
process.on("unhandledRejection", (e) => {
  console.log("UNHANDLED", e);
});
for (let s = from; s < from + count; s++) {
  const o = await runSchedule(s);
  if (o.violations.length) {
    bad++;
    if (bad <= Number(process.argv[4] ?? 5))
      console.log(o.seed, o.profile, o.violations.join("\n   "));
  }
}
console.log(count, "schedules", bad, "bad", Date.now() - t, "ms");
