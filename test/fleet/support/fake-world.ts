import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Aws } from "../../../fleet/aws.ts";
import { createConfirm } from "../../../fleet/confirm.ts";
import { FleetError } from "../../../fleet/exit.ts";
import { Gateways } from "../../../fleet/gateways.ts";
import type { Changes, Stacks, StackState, StackUpdate } from "../../../fleet/stacks.ts";
import type { World } from "../../../fleet/world.ts";
import { repositoryFiles } from "../../support/fleets.ts";

/** Milliseconds since 1970 at which every test begins. */
export const START = Date.parse("2026-11-23T12:00:00Z");

/** Stacks that are only written down. */
export class FakeStacks implements Stacks {
  readonly existing: Set<string>;
  /** Calls that change something, in their order, such as `up eu`. */
  readonly calls: string[] = [];
  /** Most stacks that were under way at once. */
  most = 0;
  /** What an operation on a stack meets, such as `up us`. */
  readonly failing = new Map<string, Error>();
  /** Steps of a preview. */
  readonly steps = new Map<string, readonly string[]>();
  readonly states = new Map<string, StackState>();
  readonly histories = new Map<string, readonly StackUpdate[]>();
  readonly providers: (string | undefined)[] = [];
  /** Called at the end of each operation. */
  after: (call: string) => void = () => undefined;
  private underWay = 0;

  constructor(existing: readonly string[] = ["eu", "us"]) {
    this.existing = new Set(existing);
  }

  names(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(this.existing));
  }

  async create(stack: string, secretsProvider?: string): Promise<void> {
    await this.note(`create ${stack}`);
    this.existing.add(stack);
    this.providers.push(secretsProvider);
  }

  preview(stack: string) {
    const failure = this.failing.get(`preview ${stack}`);
    const steps = this.steps.get(stack) ?? [];
    const changes: Record<string, number> = {};
    for (const step of steps) {
      const [op = ""] = step.split(" ");
      changes[op] = (changes[op] ?? 0) + 1;
    }
    return failure === undefined ? Promise.resolve({ changes, steps }) : Promise.reject(failure);
  }

  async up(stack: string): Promise<Changes> {
    await this.note(`up ${stack}`);
    return { update: 1 };
  }

  async destroy(stack: string): Promise<Changes> {
    await this.note(`destroy ${stack}`);
    this.states.set(stack, { resources: [], pending: [] });
    return { delete: 1 };
  }

  async remove(stack: string): Promise<void> {
    await this.note(`remove ${stack}`);
    this.existing.delete(stack);
  }

  /** What the primary's state has of the shared secrets. */
  sharedSecrets: Readonly<Record<string, unknown>> = { operatorSecret: "operators" };

  outputs(): Promise<Readonly<Record<string, unknown>>> {
    return Promise.resolve({ sharedSecrets: this.sharedSecrets });
  }

  /** Encrypted settings, by stack; what is set is also written to the file, if a folder is given. */
  readonly encrypted = new Map<string, Map<string, string>>();
  /** Called when a secret is set. */
  onSecret: (stack: string, key: string) => void = () => undefined;

  secrets(stack: string): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(this.encrypted.get(stack) ?? new Map());
  }

  async setSecret(stack: string, key: string, value: string): Promise<void> {
    await this.note(`set ${key} ${stack}`);
    const before = this.encrypted.get(stack) ?? new Map<string, string>();
    this.encrypted.set(stack, before.set(key, value));
    this.onSecret(stack, key);
  }

  async keep(stack: string): Promise<number> {
    await this.note(`keep ${stack}`);
    return 1;
  }

  async forget(stack: string, urns: readonly string[]): Promise<void> {
    const names = urns.map((urn) => urn.split("::").at(-1) ?? "");
    await this.note(`forget ${stack} ${names.join(" ")}`);
    const { resources, pending } = await this.state(stack);
    const left = resources.filter(({ urn }) => !urns.includes(urn));
    this.states.set(stack, { resources: left, pending });
  }

  async adopt(stack: string, from: string, urns: readonly string[]): Promise<void> {
    await this.note(`adopt ${stack} ${from} ${urns.length}`);
    const other = await this.state(from);
    const { resources, pending } = await this.state(stack);
    const taken = other.resources
      .filter(({ urn }) => urns.includes(urn))
      .map((each) => ({ ...each, urn: each.urn.replace(`:${from}::`, `:${stack}::`) }))
      .filter(({ urn }) => !resources.some((each) => each.urn === urn));
    this.states.set(stack, { resources: [...resources, ...taken], pending });
  }

  state(stack: string): Promise<StackState> {
    return Promise.resolve(this.states.get(stack) ?? { resources: [], pending: [] });
  }

  updates(stack: string): Promise<readonly StackUpdate[]> {
    return Promise.resolve(this.histories.get(stack) ?? []);
  }

  private async note(call: string): Promise<void> {
    this.calls.push(call);
    this.most = Math.max(this.most, ++this.underWay);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.underWay--;
    this.after(call);
    const failure = this.failing.get(call);
    if (failure !== undefined) {
      throw failure;
    }
  }
}

/** AWS where nobody is signed in. */
export const NO_AWS: Aws = {
  call: () => Promise.reject(new Error("no AWS credentials")),
};

/** A world that is written down, with the files of this repository in a folder of its own. */
export interface FakeWorld {
  readonly world: World;
  readonly stacks: FakeStacks;
  /** Lines of progress. */
  readonly said: string[];
  /** What was asked, and whether it was confirmed. */
  readonly asked: string[];
  /** The result as text and as JSON. */
  readonly result: () => { readonly json: unknown; readonly text: string };
  readonly interrupt: () => void;
  readonly folder: string;
}

/** What differs from a fleet of eu and us that nobody disturbs. */
export interface FakeOptions {
  readonly files?: ReadonlyMap<string, string>;
  readonly stacks?: FakeStacks;
  readonly aws?: Aws;
  /** Base URLs of gateways. @default none is known */
  readonly endpoints?: ReadonlyMap<string, string>;
  /** Answers to questions, one after another; none left means that nobody can be asked. */
  readonly answers?: readonly string[];
  readonly yes?: boolean;
  readonly words?: readonly string[];
  /** Called for each pause. */
  readonly onSleep?: (ms: number) => void | Promise<void>;
}

/** Makes a world; its folder is removed when the test ends. */
export function fakeWorld(options: FakeOptions = {}): FakeWorld {
  const folder = projectFolder(options.files ?? repositoryFiles());
  const stacks = options.stacks ?? new FakeStacks();
  const said: string[] = [];
  const asked: string[] = [];
  const results: { json: unknown; text: string }[] = [];
  const answers = [...(options.answers ?? [])];
  const interrupted = new AbortController();
  let now = START;
  const confirm = createConfirm(
    (text) => {
      asked.push(text);
      return Promise.resolve(answers.shift());
    },
    { yes: options.yes ?? false, words: options.words ?? [] },
  );
  const world: World = {
    project: folder,
    stacks,
    aws: options.aws ?? NO_AWS,
    confirm,
    output: {
      say: (text) => said.push(text),
      result: (json, text) => results.push({ json, text }),
    },
    gateways: () =>
      options.endpoints === undefined
        ? Promise.reject(new FleetError("Stack: no secret."))
        : Promise.resolve(
            new Gateways({
              endpoints: options.endpoints,
              secret: OPERATOR_SECRET,
              operator: "test",
              sleep: () => Promise.resolve(),
            }),
          ),
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
        await options.onSleep?.(ms);
      },
    },
    interrupted: interrupted.signal,
  };
  return {
    world,
    stacks,
    said,
    asked,
    folder,
    result: () => {
      const [only, ...more] = results;
      if (only === undefined || more.length > 0) {
        throw new Error(`a command gives one result, not ${results.length}`);
      }
      return only;
    },
    interrupt: () => {
      interrupted.abort();
    },
  };
}

/** What the fake regions take. */
export const OPERATOR_SECRET = "the-secret-that-only-operators-have-and-no-gateway";

/** A folder with Pulumi.yaml and these stack files. */
export function projectFolder(files: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "meet-fleet-test-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  cpSync(join(import.meta.dirname, "..", "..", "..", "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
  for (const [name, text] of files) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
