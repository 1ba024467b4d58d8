import * as z from "zod";
import {
  commonEnvironment,
  plainUrl,
  readEnvironment,
  regionName,
  secretFile,
} from "../shared/environment.ts";
import { createLog } from "../shared/log.ts";
import { plain, serve, type Answer } from "../shared/server.ts";

/**
 * Placeholder of the room gateway: it takes the place, the configuration and the signals of the real one, so that the
 * rest of a region can be deployed and checked, and hosts no meeting. `/region-health` says so with 503, which keeps
 * DNS from sending anybody here.
 */
const NOT_BUILT = "The room gateway is not built yet: this region hosts no meetings.\n";

const environmentSchema = z.object({
  ...commonEnvironment,
  PRIMARY_REGION: regionName,
  STANDBY_REGION: regionName.optional(),
  LIVEKIT_URL: plainUrl,
  MEET_URL: plainUrl,
  VALKEY_URL_FILE: secretFile(10).refine(
    (url) => /^rediss?:\/\//.test(url),
    "the file must hold an address that begins with redis:// or rediss://",
  ),
  LIVEKIT_API_KEY_FILE: secretFile(1),
  LIVEKIT_API_SECRET_FILE: secretFile(32),
  PEER_SECRET_FILE: secretFile(32),
  OPERATOR_SECRET_FILE: secretFile(32),
});

function answer(path: string): Answer {
  if (path === "/healthz" || path === "/readyz") {
    return plain(200, "ok\n");
  }
  if (path === "/region-health") {
    return plain(503, NOT_BUILT);
  }
  // A 404 here makes the browser client try again without end and without pause (client-sdk-js, SignalClient).
  if (path === "/rtc" || path.startsWith("/rtc/")) {
    return { ...plain(503, NOT_BUILT), headers: { "access-control-allow-origin": "*" } };
  }
  if (path.startsWith("/twirp/")) {
    const error = { code: "unimplemented", msg: NOT_BUILT.trim() };
    return { status: 501, contentType: "application/json", body: JSON.stringify(error) };
  }
  return plain(501, NOT_BUILT);
}

const environment = readEnvironment(environmentSchema, process.env);
const log = createLog("rooms", process.env["REGION"] ?? "", (line) => process.stdout.write(line));
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
