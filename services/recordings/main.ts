import * as z from "zod";
import { commonEnvironment, plainUrl, readEnvironment } from "../shared/environment.ts";
import { createLog } from "../shared/log.ts";
import { plain, serve, type Answer } from "../shared/server.ts";

/**
 * Placeholder of the recordings route: it takes the place, the configuration and the signals of the real one. Whoever
 * follows a recording's link reads that it cannot be fetched yet; the recording itself is safe in its bucket.
 */
const PAGE = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Recording not available</title></head>
  <body><h1>Recordings cannot be fetched yet</h1><p>Your recording is stored. Please try again later.</p></body>
</html>
`;

const environmentSchema = z.object({
  ...commonEnvironment,
  AWS_REGION: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be an AWS region"),
  BUCKET: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name"),
  MEET_URL: plainUrl,
  ROOMS_URL: plainUrl,
});

function answer(path: string): Answer {
  if (path === "/healthz" || path === "/readyz") {
    return plain(200, "ok\n");
  }
  if (path === "/region-health") {
    return plain(503, "The recordings route is not built yet.\n");
  }
  return { status: 503, contentType: "text/html", body: PAGE, headers: { "retry-after": "3600" } };
}

const environment = readEnvironment(environmentSchema, process.env);
const log = createLog("recordings", process.env["REGION"] ?? "", (line) =>
  process.stdout.write(line),
);
if (environment.ok) {
  serve({
    port: environment.value.PORT,
    shutdownSeconds: environment.value.SHUTDOWN_SECONDS,
    log,
    handler: answer,
  });
} else {
  log.error("the configuration is wrong", { faults: environment.faults });
  process.exitCode = 1;
}
