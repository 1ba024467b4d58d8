import { writeFileSync } from "node:fs";

import { Command } from "commander";

import { startCloud } from "./start.ts";

const command = new Command("cloud")
  .description("Runs the stand-in cloud until it is ended.")
  .requiredOption("--state <file>", "what exists, kept between runs")
  .requiredOption("--ports-file <file>", "written once the cloud is ready")
  .parse();

const { state, portsFile } = command.opts<{ state: string; portsFile: string }>();
const running = await startCloud({ stateFile: state });
const { ports, debugProviders, controlUrl } = running;
writeFileSync(portsFile, JSON.stringify({ ports, debugProviders, controlUrl, pid: process.pid }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void running.close().then(() => process.exit(0));
  });
}
