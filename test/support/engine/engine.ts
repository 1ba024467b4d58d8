import { z } from "zod";
import { startCloud, type RunningCloud } from "../../../rehearsal/cloud/start.ts";
import {
  createWorkspace,
  type Ended,
  type RunOptions,
  type Workspace,
  type WorkspaceOptions,
} from "../../../rehearsal/workspace.ts";

/** A resource as the engine's state has it. */
const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  protect: z.boolean().optional(),
});

const stateSchema = z.object({
  deployment: z.looseObject({
    resources: z.array(resourceSchema).default([]),
    pending_operations: z.array(z.looseObject({ type: z.string() })).default([]),
  }),
});

const stepsSchema = z.object({
  changeSummary: z.record(z.string(), z.number()).default({}),
});

/** State of one stack, as `pulumi stack export` writes it. */
export interface StackState {
  readonly resources: readonly z.infer<typeof resourceSchema>[];
  /** Operations that were under way when the engine was killed. */
  readonly pending: number;
}

/** The real engine on a stand-in cloud, with a copy of the program. */
export interface Engine {
  readonly workspace: Workspace;
  readonly running: RunningCloud;
  /** Runs `pulumi`, whatever its exit status. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Runs `pulumi`. @throws with its output unless it ends with 0 */
  must(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Operations that a preview announces, `same` left out: `{}` means that nothing would change. */
  changes(stack: string): Promise<Readonly<Record<string, number>>>;
  state(stack: string): Promise<StackState>;
  close(): Promise<void>;
}

/** Arguments of an update that asks nothing. */
export function upArguments(stack: string): readonly string[] {
  return ["up", "--stack", stack, "--yes", "--non-interactive", "--skip-preview"];
}

/** Starts a stand-in cloud and a workspace whose engine uses it. */
export async function startEngine(
  options: Omit<WorkspaceOptions, "debugProviders"> & {
    readonly cloud?: Parameters<typeof startCloud>[0];
  } = {},
): Promise<Engine> {
  const { cloud, ...workspaceOptions } = options;
  const running = await startCloud(cloud ?? {});
  const { debugProviders } = running;
  const workspace = await createWorkspace({ ...workspaceOptions, debugProviders });
  const run: Engine["run"] = (args, runOptions) => workspace.run(args, runOptions);
  const must: Engine["must"] = async (args, runOptions) => {
    const ended = await run(args, runOptions);
    if (ended.status !== 0) {
      throw new Error(
        `pulumi ${args.join(" ")} ended with ${ended.status ?? "a signal"}:\n${ended.output}`,
      );
    }
    return ended;
  };
  return {
    workspace,
    running,
    run,
    must,
    changes: async (stack) => {
      const { stdout } = await must(["preview", "--stack", stack, "--json"]);
      const { changeSummary } = stepsSchema.parse(JSON.parse(stdout));
      return Object.fromEntries(Object.entries(changeSummary).filter(([step]) => step !== "same"));
    },
    state: async (stack) => {
      const { stdout } = await must(["stack", "export", "--stack", stack]);
      const { resources, pending_operations } = stateSchema.parse(JSON.parse(stdout)).deployment;
      return { resources, pending: pending_operations.length };
    },
    close: async () => {
      await running.close();
      await workspace.remove();
    },
  };
}
