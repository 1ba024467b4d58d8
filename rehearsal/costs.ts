import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import type { CostLine } from "./drill/result.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const planSchema = z.record(
  z.string(),
  z.object({
    costs: z.object({
      byComponent: z.array(z.object({ component: z.string(), usdPerMonth: z.number() })),
    }),
  }),
);

/** What `npm run plan` says that the fleet of this folder costs. */
export async function plannedCosts(): Promise<readonly CostLine[]> {
  const child = spawn(process.execPath, ["--import", "tsx", "plan/main.ts", "--json"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  if (status !== 0) {
    throw new Error(
      `Command "npm run plan": it ended with ${status ?? "a signal"}. Run it to see.`,
    );
  }
  return Object.entries(planSchema.parse(JSON.parse(output))).flatMap(([region, { costs }]) =>
    costs.byComponent.map((line) => ({ region, ...line })),
  );
}
