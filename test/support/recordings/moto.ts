import { spawn, type ChildProcess } from "node:child_process";
import { motoPython } from "../../../tools/programs.ts";

/**
 * Prints its port and serves until its input ends, so that it never outlives the test. One call at a time: what moto
 * has in memory is not made for threads, and a list during a deletion ends with status 500.
 */
const PROGRAM = `
import logging, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
answer, turn = DomainDispatcherApplication.__call__, threading.Lock()
def answer_in_turn(self, environ, start_response):
    with turn:
        return answer(self, environ, start_response)
DomainDispatcherApplication.__call__ = answer_in_turn
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
`;

/** moto looks at nothing of a signature but whose region it names. */
function unsigned(region: string): Record<string, string> {
  return {
    authorization:
      `AWS4-HMAC-SHA256 Credential=ADMIN/20261123/${region}/s3/aws4_request, ` +
      "SignedHeaders=host, Signature=0",
  };
}

/** An S3 with buckets of all regions behind one address. */
export class Moto {
  readonly url: string;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<Moto> {
    const child = spawn(motoPython(), ["-c", PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    const port = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => {
        reject(new Error('Tool "moto": ended before it served. Run script/setup.'));
      });
      child.stdout.once("data", (line: Buffer) => {
        resolve(Number(line.toString()));
      });
    });
    return new Moto(child, port);
  }

  /** Makes a versioned bucket. */
  async bucket(name: string, region: string): Promise<void> {
    const where = `<CreateBucketConfiguration><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
    // Amazon S3 API, CreateBucket: us-east-1 is said by saying nothing.
    await this.send("PUT", `/${name}`, region, region === "us-east-1" ? undefined : where);
    const on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await this.send("PUT", `/${name}?versioning`, region, on);
  }

  /** Has a bucket remove what begins with a prefix after as many days. */
  async expire(bucket: string, region: string, prefix: string, days: number): Promise<void> {
    const rule = `<Rule><ID>expiry</ID><Status>Enabled</Status><Filter><Prefix>${prefix}</Prefix></Filter><Expiration><Days>${days}</Days></Expiration></Rule>`;
    const rules = `<LifecycleConfiguration>${rule}</LifecycleConfiguration>`;
    await this.send("PUT", `/${bucket}?lifecycle`, region, rules);
  }

  async put(bucket: string, key: string, body: string | Uint8Array, type: string): Promise<void> {
    await this.send("PUT", `/${bucket}/${key}`, "eu-west-3", body, { "content-type": type });
  }

  /** Deletes as Meet does: a delete marker. */
  async delete(bucket: string, key: string): Promise<void> {
    await this.send("DELETE", `/${bucket}/${key}`, "eu-west-3");
  }

  /** Versions and delete markers of the keys that begin so, by their kind. */
  async versions(bucket: string, prefix: string): Promise<string[]> {
    const xml = await this.send("GET", `/${bucket}?versions&prefix=${prefix}`, "eu-west-3");
    return [...xml.matchAll(/<(Version|DeleteMarker)>/g)].map(([, kind = ""]) => kind);
  }

  /** Keys of the objects that begin so, as a list of the bucket shows them. */
  async keys(bucket: string, prefix: string): Promise<string[]> {
    const xml = await this.send("GET", `/${bucket}?list-type=2&prefix=${prefix}`, "eu-west-3");
    return [...xml.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = ""]) => key);
  }

  /** At once, as a machine dies. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("close", resolve));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await ended;
    }
  }

  private async send(
    method: string,
    target: string,
    region: string,
    body?: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const response = await fetch(this.url + target, {
      method,
      headers: { ...unsigned(region), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`moto answered ${response.status} to ${method} ${target}: ${text}`);
    }
    return text;
  }
}
