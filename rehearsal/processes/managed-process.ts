import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../network/place.ts";

/** What is started, and how it is known that it is ready. */
export interface ProcessPlan {
  readonly name: string;
  readonly place: Place;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** File that gets standard output and errors of every start, one after the other. */
  readonly log: string;
  /** True once it serves. */
  readonly isReady: () => Promise<boolean>;
  /** @default 20 */
  readonly readyWithinSeconds?: number;
}

const LOG_TAIL_CHARACTERS = 3000;

/** A server that a test starts, kills, stops for a while and starts again on the same ports. */
export class ManagedProcess {
  private child: ChildProcess | undefined;
  private readonly plan: ProcessPlan;

  constructor(plan: ProcessPlan) {
    this.plan = plan;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.child?.pid : undefined;
  }

  get isRunning(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Everything it has written, over all starts. */
  log(): string {
    return readFileSync(this.plan.log, "utf8");
  }

  /** Starts it and waits until it serves. @throws with the end of its log if it does not */
  async start(): Promise<void> {
    const { name, place, command, args, environment, log } = this.plan;
    const descriptor = openSync(log, "a");
    const child = place.spawn(command, args, {
      stdio: ["ignore", descriptor, descriptor],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
    });
    closeSync(descriptor);
    let failure: Error | undefined;
    child.once("error", (error) => (failure = error));
    this.child = child;
    const seconds = this.plan.readyWithinSeconds ?? 20;
    const deadline = Date.now() + seconds * 1000;
    while (!(await this.plan.isReady())) {
      if (failure !== undefined || !this.isRunning || Date.now() > deadline) {
        const why = failure?.message ?? (this.isRunning ? `not ready in ${seconds} s` : "ended");
        await this.end("SIGKILL");
        throw new Error(`${name} in ${place.name}: ${why}\n${this.tail()}`);
      }
      await sleep(25);
    }
  }

  /** Ends it politely and waits; when the time is over with SIGKILL. @param graceSeconds 10 unless given */
  async stop(graceSeconds = 10): Promise<void> {
    const timer = setTimeout(() => this.child?.kill("SIGKILL"), graceSeconds * 1000);
    await this.end("SIGTERM");
    clearTimeout(timer);
  }

  /** Ends it at once, as the loss of its machine does. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Keeps its connections and answers nothing. */
  pause(): void {
    this.child?.kill("SIGSTOP");
  }

  resume(): void {
    this.child?.kill("SIGCONT");
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** The end of the log, for a failure's message. */
  tail(): string {
    return this.log().slice(-LOG_TAIL_CHARACTERS);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning || child.pid === undefined) {
      return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    // A stopped process takes no polite signal before it goes on.
    child.kill("SIGCONT");
    await ended;
  }
}
