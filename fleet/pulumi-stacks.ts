import {
  CommandError,
  ConcurrentUpdateError,
  LocalWorkspace,
  Stack,
  StackNotFoundError,
  type EngineEvent,
  type UpdateSummary,
} from "@pulumi/pulumi/automation/index.js";
import { z } from "zod";
import type { Interrupts } from "./interrupts.ts";
import { EngineEvents } from "./engine-events.ts";
import { EXIT, FleetError, sentenceOf } from "./exit.ts";
import { setSecret } from "./pulumi-secret.ts";
import { withAdopted } from "./adopting.ts";
import { withoutResources } from "./forgetting.ts";
import type {
  Changes,
  Previewed,
  StackProgress,
  Stacks,
  StackState,
  StackUpdate,
} from "./stacks.ts";

const stateSchema = z.object({
  resources: z
    .array(
      z.object({
        urn: z.string(),
        type: z.string(),
        protect: z.boolean().default(false),
        inputs: z.record(z.string(), z.unknown()).default({}),
        outputs: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .nullish()
    .transform((resources) => resources ?? []),
  pending_operations: z
    .array(z.object({ resource: z.object({ urn: z.string() }) }))
    .nullish()
    .transform((operations) => operations ?? []),
});

/** The state with what decides about a resource that leaves the program; all else is passed through. */
const keptSchema = z.looseObject({
  resources: z
    .array(
      z.looseObject({
        urn: z.string(),
        custom: z.boolean().optional(),
        protect: z.boolean().optional(),
        retainOnDelete: z.boolean().optional(),
      }),
    )
    .default([]),
});

/** Errors of the engine that are quoted; more are seldom another cause. */
const QUOTED = 5;

/** The stacks by Pulumi's Automation API, which runs the `pulumi` of the PATH on the project's folder. */
export class PulumiStacks implements Stacks {
  private readonly folder: string;
  private readonly interrupts: Interrupts;
  private workspace: Promise<LocalWorkspace> | undefined;
  private readonly selected = new Map<string, Stack>();

  /** @param interrupts an interrupt is polite: the engine ends what is under way and begins nothing more */
  constructor(folder: string, interrupts: Interrupts) {
    this.folder = folder;
    this.interrupts = interrupts;
  }

  async names(): Promise<ReadonlySet<string>> {
    const workspace = await this.open();
    const stacks = await said("Stacks", "list them", workspace.listStacks());
    return new Set(stacks.map(({ name }) => name.split("/").at(-1) ?? name));
  }

  async create(stack: string, secretsProvider?: string): Promise<void> {
    const workspace = await LocalWorkspace.create({
      workDir: this.folder,
      ...(secretsProvider === undefined ? {} : { secretsProvider }),
    });
    await said(`Stack "${stack}"`, "create it", Stack.create(stack, workspace));
  }

  async preview(stack: string, onProgress: (progress: StackProgress) => void): Promise<Previewed> {
    const events = new EngineEvents(onProgress);
    await this.operate(stack, "preview", events, (it, options) => it.preview(options));
    return events.previewed();
  }

  async up(stack: string, onProgress: (progress: StackProgress) => void): Promise<Changes> {
    const events = new EngineEvents(onProgress);
    const { summary } = await this.operate(stack, "up", events, (it, options) => it.up(options));
    return withoutSame(summary.resourceChanges);
  }

  async destroy(stack: string, onProgress: (progress: StackProgress) => void): Promise<Changes> {
    const isProtected = (await this.state(stack)).resources.filter(({ protect }) => protect);
    if (isProtected.length > 0) {
      throw new FleetError(
        `Stack "${stack}": ${isProtected.length} of its resources are protected. Switch meet:protection off in its file and run fleet up ${stack} first.`,
      );
    }
    const events = new EngineEvents(onProgress);
    const { summary } = await this.operate(stack, "destroy", events, (it, options) =>
      it.destroy(options),
    );
    return withoutSame(summary.resourceChanges);
  }

  async remove(stack: string): Promise<void> {
    const workspace = await this.open();
    const removal = workspace.removeStack(stack, { preserveConfig: true });
    await said(`Stack "${stack}"`, "remove it", removal);
    this.selected.delete(stack);
  }

  async outputs(stack: string): Promise<Readonly<Record<string, unknown>>> {
    const workspace = await this.open();
    const found = await said(`Stack "${stack}"`, "read its outputs", workspace.stackOutputs(stack));
    return Object.fromEntries(
      Object.entries(found).map(([name, { value }]): [string, unknown] => [name, value]),
    );
  }

  async secrets(stack: string): Promise<ReadonlyMap<string, string>> {
    const workspace = await this.open();
    const found = await said(`Stack "${stack}"`, "read its file", workspace.getAllConfig(stack));
    return new Map(
      Object.entries(found).flatMap(([key, { value, secret }]) =>
        secret === true ? [[key, value] as const] : [],
      ),
    );
  }

  setSecret(stack: string, key: string, value: string): Promise<void> {
    return setSecret(this.folder, { stack, key, value });
  }

  async keep(stack: string, componentType: string): Promise<number> {
    const workspace = await this.open();
    const exported = await said(`Stack "${stack}"`, "read its state", workspace.exportStack(stack));
    const deployment = keptSchema.parse(exported.deployment);
    const parts = deployment.resources.filter(
      ({ urn, custom, protect, retainOnDelete }) =>
        custom === true &&
        urn.split("::")[2]?.split("$").includes(componentType) === true &&
        (protect === true || retainOnDelete !== true),
    );
    if (parts.length > 0) {
      for (const part of parts) {
        part.protect = false;
        part.retainOnDelete = true;
      }
      const changed = workspace.importStack(stack, { ...exported, deployment });
      await said(`Stack "${stack}"`, "write its state", changed);
    }
    return parts.length;
  }

  async forget(stack: string, urns: readonly string[]): Promise<void> {
    const workspace = await this.open();
    const exported = await said(`Stack "${stack}"`, "read its state", workspace.exportStack(stack));
    const deployment = withoutResources(exported.deployment, urns);
    const changed = workspace.importStack(stack, { ...exported, deployment });
    await said(`Stack "${stack}"`, "write its state", changed);
  }

  async adopt(stack: string, from: string, urns: readonly string[]): Promise<void> {
    const workspace = await this.open();
    const read = (each: string) =>
      said(`Stack "${each}"`, "read its state", workspace.exportStack(each));
    const [own, other] = [await read(stack), await read(from)];
    const deployment = withAdopted(own.deployment, other.deployment, { from, to: stack, urns });
    const changed = workspace.importStack(stack, { ...own, deployment });
    await said(`Stack "${stack}"`, "write its state", changed);
  }

  async state(stack: string): Promise<StackState> {
    const workspace = await this.open();
    const exported = await said(`Stack "${stack}"`, "read its state", workspace.exportStack(stack));
    const { resources, pending_operations } = stateSchema.parse(exported.deployment);
    return { resources, pending: pending_operations.map(({ resource }) => resource.urn) };
  }

  async updates(stack: string, count: number): Promise<readonly StackUpdate[]> {
    const selected = await this.select(stack);
    const history = await said(
      `Stack "${stack}"`,
      "read its history",
      selected.history(count, 1, false),
    );
    return history.map(toUpdate);
  }

  private open(): Promise<LocalWorkspace> {
    this.workspace ??= said("Engine", "start", LocalWorkspace.create({ workDir: this.folder }));
    return this.workspace;
  }

  /** Once in a command: it starts the engine only to learn that the stack is there. */
  private async select(stack: string): Promise<Stack> {
    const selected =
      this.selected.get(stack) ??
      (await said(`Stack "${stack}"`, "select it", Stack.select(stack, await this.open())));
    this.selected.set(stack, selected);
    return selected;
  }

  private async operate<T>(
    stack: string,
    what: "preview" | "up" | "destroy",
    events: EngineEvents,
    act: (
      stack: Stack,
      options: {
        readonly onEvent: (event: EngineEvent) => void;
        readonly signal: AbortSignal;
        readonly color: "never";
        readonly showSecrets: false;
      },
    ) => Promise<T>,
  ): Promise<T> {
    const selected = await this.select(stack);
    try {
      return await act(selected, {
        onEvent: (event) => {
          events.take(event);
        },
        signal: this.interrupts.engine,
        color: "never",
        showSecrets: false,
      });
    } catch (error) {
      if (this.interrupts.operator.aborted) {
        throw new FleetError(
          `Stack "${stack}": ${what} was interrupted. What it had done is in its state; call the command again.`,
          EXIT.notFinished,
        );
      }
      const faults = events.faults();
      if (faults.length === 0 || error instanceof ConcurrentUpdateError) {
        throw translated(`Stack "${stack}"`, what, error);
      }
      const more = faults.length > QUOTED ? `\n  and ${faults.length - QUOTED} more` : "";
      throw new FleetError(
        `Stack "${stack}": ${what} failed. Remove the cause, then call the command again.\n` +
          faults
            .slice(0, QUOTED)
            .map((fault) => `  ${fault.replaceAll("\n", "\n  ")}`)
            .join("\n") +
          more,
      );
    }
  }
}

/** Waits for the engine and turns its errors into sentences. */
async function said<T>(subject: string, verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw translated(subject, verb, error);
  }
}

function translated(subject: string, verb: string, error: unknown): FleetError {
  if (error instanceof FleetError) {
    return error;
  }
  const text = sentenceOf(error);
  if (/spawn pulumi ENOENT|command not found|ENOENT.*pulumi/.test(text)) {
    return new FleetError(
      `Tool "pulumi": it is not on the PATH. Install the Pulumi CLI, or run script/setup.`,
      EXIT.wrongUse,
    );
  }
  if (error instanceof ConcurrentUpdateError) {
    return new FleetError(
      `${subject}: its state is locked, so an update runs elsewhere, or one was killed. Wait for the one; for the other see docs/runbooks/interrupted-update.md.`,
    );
  }
  if (error instanceof StackNotFoundError) {
    return new FleetError(
      `${subject}: the backend has no such stack. Run fleet up, which makes it.`,
    );
  }
  const why = error instanceof CommandError ? errorLines(text) : text;
  return new FleetError(`${subject}: the engine could not ${verb} (${why}). Remove the cause.`);
}

/** The lines of the engine's output that say what is wrong. */
function errorLines(text: string): string {
  const stderr = text.slice(Math.max(0, text.indexOf("stderr:"))).replace("stderr:", "");
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("err?:") && !line.startsWith("at "));
  const errors = lines.filter((line) => line.startsWith("error:"));
  return (errors.length > 0 ? errors : lines)
    .slice(0, QUOTED)
    .map((line) => line.replace(/^error: /, ""))
    .join("; ");
}

function withoutSame(changes: UpdateSummary["resourceChanges"]): Changes {
  const steps: [string, number][] = Object.entries(changes ?? {});
  return Object.fromEntries(steps.filter(([step]) => step !== "same"));
}

function toUpdate(update: UpdateSummary): StackUpdate {
  const commit = update.environment["git.head"];
  return {
    kind: update.kind,
    succeeded: update.result === "succeeded",
    startedAt: new Date(update.startTime).getTime(),
    endedAt: new Date(update.endTime).getTime(),
    ...(commit === undefined ? {} : { commit }),
    config: new Map(
      Object.entries(update.config).flatMap(([key, { value, secret }]) =>
        secret === true ? [] : [[key, value] as const],
      ),
    ),
  };
}
