import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE_FILE, buildBundle, bundleCommand } from "../../components/service-bundle/bundle.ts";

/** What a service has written and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A bundled service in a process of its own, started by the very command that its pod has. */
export interface ServiceProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** The lines of its log so far, parsed. */
  lines(): Record<string, unknown>[];
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ended>;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) {
          resolve(address.port);
        } else {
          reject(new Error("no port"));
        }
      });
    });
  });
}

/** A directory with the bundle as the ConfigMap's volume holds it, a scratch directory, and files beside them. */
export class ServiceFolder {
  readonly path = mkdtempSync(join(tmpdir(), "meet-service-"));
  private readonly service: string;

  constructor(service: string) {
    this.service = service;
    mkdirSync(join(this.path, "bundle"));
    mkdirSync(join(this.path, "scratch"));
    const { gzipBase64 } = buildBundle(service);
    writeFileSync(join(this.path, "bundle", BUNDLE_FILE), Buffer.from(gzipBase64, "base64"));
  }

  /** Writes a file and gives its path. */
  file(name: string, content: string): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  /** Starts the service with exactly this environment. */
  start(environment: Readonly<Record<string, string>>): ServiceProcess {
    const [node, ...args] = bundleCommand({
      bundle: join(this.path, "bundle"),
      scratch: join(this.path, "scratch"),
    });
    if (node !== "node") {
      throw new Error(`the command of ${this.service} begins with ${node ?? "nothing"}`);
    }
    const child = spawn(process.execPath, args, {
      cwd: "/",
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    return {
      url: `http://127.0.0.1:${environment["PORT"] ?? ""}`,
      child,
      lines: () =>
        stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      ended: new Promise((resolve) => {
        child.once("close", (status, signal) => {
          resolve({ status, signal, stdout, stderr });
        });
      }),
    };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Waits until the service says that it listens. @throws what it wrote when it ends before */
export async function listening(service: ServiceProcess): Promise<void> {
  let over: Ended | undefined;
  void service.ended.then((ended) => (over = ended));
  while (!service.lines().some((line) => line["message"] === "listening")) {
    if (over !== undefined) {
      throw new Error(`the service ended: ${over.stdout}${over.stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
