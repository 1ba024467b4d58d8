import { spawn, type ChildProcess } from "node:child_process";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { MEDIA_PATH } from "../../services/recordings/media-key.ts";
import { Signer } from "../../services/recordings/storage/signer.ts";
import { DownloadWorld, HOME } from "../../test/support/recordings/download-world.ts";
import { cookieOf, MEET_HOST } from "../../test/support/recordings/fake-meet.ts";
import { figure, spread, type Figure } from "../rooms/figure.ts";
import { median } from "../result.ts";

/** Downloads that are made before any is counted. */
const WARM_UP = 200;

/**
 * What a download through the route takes until its first byte, beside the two calls that it has to make: Meet's
 * `media-auth`, then S3's HEAD, made by hand on connections that are kept open as the route's are. Meet, S3 and the
 * route are processes of their own on this machine, and Meet answers at once, so nothing hides what the route adds.
 */
export async function measureDownloads(
  count: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const world = await DownloadWorld.start();
  const agent = new Agent({ keepAlive: true });
  let meet: ChildProcess | undefined;
  try {
    const id = await world.recording("a recording", HOME);
    const started = await startMeet(id);
    meet = started.child;
    const { url: meetUrl } = started;
    const route = await world.route({ AWS_ENDPOINT_URL_S3: world.moto.url, MEET_URL: meetUrl });
    const path = `${MEDIA_PATH}recordings/${id}.mp4`;
    const cookie = cookieOf("alice");
    const signer = new Signer();
    const object = `${world.moto.url}/${HOME}/recordings/${id}.mp4`;
    const credentials = { accessKeyId: "A", secretAccessKey: "B", sessionToken: "C" };
    const first = async (
      method: "GET" | "HEAD",
      url: string,
      headers: Readonly<Record<string, string>>,
      status: number,
    ): Promise<void> => {
      const got = await firstByte(agent, method, url, headers);
      if (got !== status) {
        throw new Error(`${method} ${new URL(url).pathname} was answered with ${got}.`);
      }
    };
    const kinds = {
      calls: async () => {
        await first(
          "GET",
          `${meetUrl}/api/v1.0/recordings/media-auth/`,
          {
            ...{ host: MEET_HOST, cookie, "x-forwarded-proto": "https" },
            "x-original-url": `https://${MEET_HOST}${path}`,
          },
          200,
        );
        const signed = signer.headers("HEAD", object, "eu-west-3", credentials);
        await first("HEAD", object, signed, 200);
      },
      route: () => first("GET", route.url + path, { cookie }, 302),
    };
    const times: Record<keyof typeof kinds, number[]> = { calls: [], route: [] };
    for (let index = 0; index < WARM_UP + count; index += 1) {
      if (index % 500 === 0) {
        note(`download ${index} of ${WARM_UP + count}`);
      }
      const order = index % 2 === 0 ? (["calls", "route"] as const) : (["route", "calls"] as const);
      for (const kind of order) {
        const began = performance.now();
        await kinds[kind]();
        if (index >= WARM_UP) {
          times[kind].push(performance.now() - began);
        }
      }
    }
    return [
      figure({
        what: "authorised download, until its first byte / media-auth and HEAD",
        value: median(times.route) / median(times.calls),
        unit: "×",
        target: 1.3,
        from: `${spread(times.route)}; the two calls: ${spread(times.calls)}`,
      }),
    ];
  } finally {
    agent.destroy();
    meet?.kill("SIGKILL");
    await world.stop();
  }
}

async function startMeet(
  id: string,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const program = fileURLToPath(new URL("meet-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, id], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.stdout.once("data", (line: Buffer) => {
      resolve(line.toString().trim());
    });
  });
  return { child, url };
}

/** The status, as soon as the answer's head is there; its body is read too. */
function firstByte(
  agent: Agent,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status);
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}
