import { createLog } from "../shared/log.ts";
import { readConfig } from "./config.ts";
import { Downloads } from "./downloads.ts";

const write = (line: string): void => {
  process.stdout.write(line);
};
const environment = readConfig(process.env);
if (environment.ok) {
  const { REGION: region, LOG_LEVEL: level } = environment.value;
  const log = createLog("recordings", region, write, level);
  const downloads = new Downloads(environment.value, log);
  const end = (): void => {
    downloads.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("could not stop in order", { reason: String(error) });
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  downloads.start().catch((error: unknown) => {
    log.error("cannot serve", { reason: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  });
} else {
  const log = createLog("recordings", process.env["REGION"] ?? "", write);
  log.error("the configuration is wrong", { faults: environment.faults });
  process.exitCode = 1;
}
