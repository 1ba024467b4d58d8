import { execFile, type ExecFileException } from "node:child_process";
import { sentenceOf } from "./exit.ts";

/** A value, or why it is not known: no account, no permission, no such thing yet. */
export type Known<T> =
  { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

/** Asks AWS. */
export interface Aws {
  /**
   * Runs one command of the AWS CLI.
   * @param region undefined for what has none
   * @returns its JSON; undefined where it answers nothing
   * @throws Error with a short reason
   */
  call(region: string | undefined, args: readonly string[]): Promise<unknown>;
}

/** Milliseconds for one call. */
const CALL_MS = 20_000;

/** AWS by the `aws` of the PATH, which finds credentials as it always does. */
export class AwsCli implements Aws {
  call(region: string | undefined, args: readonly string[]): Promise<unknown> {
    const where = region === undefined ? [] : ["--region", region];
    const all = [...args, ...where, "--output", "json"];
    return new Promise((resolve, reject) => {
      execFile(
        "aws",
        all,
        {
          timeout: CALL_MS,
          maxBuffer: 64 * 1024 ** 2,
          killSignal: "SIGKILL",
          // The second version would page long answers.
          env: { ...process.env, AWS_PAGER: "" },
        },
        (error, stdout, stderr) => {
          if (error !== null) {
            reject(new Error(reasonOf(error, stderr)));
            return;
          }
          try {
            resolve(stdout.trim() === "" ? undefined : JSON.parse(stdout));
          } catch {
            reject(new Error("the aws command answered no JSON"));
          }
        },
      );
    });
  }
}

/** The value, or the reason why there is none. */
export async function known<T>(work: () => Promise<T>): Promise<Known<T>> {
  try {
    return { known: true, value: await work() };
  } catch (error) {
    return { known: false, why: sentenceOf(error) };
  }
}

/**
 * What may be over at the next try: no answer in time, no connection, AWS's own faults and its limits of calls
 * (botocore docs, retries: its legacy mode tries the same again, a few times). A missing `aws`, credentials and
 * permissions are not: somebody has to do something.
 */
const PASSING =
  /^(AWS did not answer|5\d\d$|429$|SlowDown|ServiceUnavailable|Service Unavailable|InternalError|InternalFailure|InternalServer|Throttl|RequestThrottled|TooManyRequests|RequestLimitExceeded|BandwidthLimitExceeded|RequestTimeout|OperationAborted)|Could not connect to the endpoint|[Tt]imeout on endpoint|Connection was closed|Connection reset/;

/** Whether a reason why something is not known may pass without anybody's doing. */
export function mayPass(why: string): boolean {
  return PASSING.test(why);
}

function reasonOf(error: ExecFileException, stderr: string): string {
  if (error.code === "ENOENT") {
    return "the aws command is not installed";
  }
  if (error.killed === true) {
    return `AWS did not answer within ${CALL_MS / 1000} s`;
  }
  if (/Unable to locate credentials|NoCredentials|could not be found/.test(stderr)) {
    return "no AWS credentials";
  }
  const [, code, message = ""] = /\((\w+)\) when calling .*?: (.*)/.exec(stderr) ?? [];
  return code === undefined
    ? (stderr.trim().split("\n").at(-1) ?? "the aws command failed")
    : `${code}${/expired/i.test(message) ? ", credentials have expired" : ""}`;
}
