import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Workspace } from "./workspace.ts";

/** What the rehearsal measured of one stack. */
export interface StackFacts {
  readonly stack: string;
  /** Resources in the stack's state after its first `up`. */
  readonly resources: number;
  readonly seconds: number;
  /** Operations that a second `up` had to make; the promise is 0. */
  readonly secondUpChanges: number;
}

/** What `pulumi stack history --json` says of an update: how many resources each kind of step was for. */
const historySchema = z
  .array(z.object({ resourceChanges: z.record(z.string(), z.number()).default({}) }))
  .min(1);

/** What `pulumi preview --json` says; resources that stay as they are count as `same`. */
const previewSchema = z.object({ changeSummary: z.record(z.string(), z.number()).default({}) });

const stateSchema = z.object({
  deployment: z.object({ resources: z.array(z.unknown()).default([]) }),
});

function withoutSame(steps: Readonly<Record<string, number>>): number {
  return Object.entries(steps)
    .filter(([step]) => step !== "same")
    .reduce((sum, [, count]) => sum + count, 0);
}

/** The region that is added and removed again. */
export const THIRD = { stack: "ap", awsRegion: "ap-northeast-1", cidr: "10.48.0.0/16" } as const;

/** The fleet on one machine: the real engine, a copy of the program, and the stand-in cloud. */
export class Rehearsal {
  private readonly workspace: Workspace;
  private readonly say: (text: string) => void;

  constructor(workspace: Workspace, say: (text: string) => void) {
    this.workspace = workspace;
    this.say = say;
  }

  /** Runs `pulumi`. @throws Error with its output unless it ends with 0 */
  async pulumi(...args: string[]): Promise<string> {
    const ended = await this.workspace.run(args);
    if (ended.status !== 0) {
      throw new Error(
        `Command "pulumi ${args.join(" ")}": it ended with ${ended.status ?? "a signal"}. Its output:\n${ended.output}`,
      );
    }
    return ended.stdout;
  }

  async init(stack: string): Promise<void> {
    await this.pulumi("stack", "init", stack, "--non-interactive");
  }

  async secret(stack: string, key: string): Promise<void> {
    await this.pulumi("config", "set", "--secret", key, "rehearsed", "--stack", stack);
  }

  async up(stack: string): Promise<number> {
    const from = Date.now();
    await this.pulumi("up", "--stack", stack, "--yes", "--non-interactive", "--skip-preview");
    return (Date.now() - from) / 1000;
  }

  /** Operations that are not `same`, of a preview. */
  async changes(stack: string): Promise<number> {
    const preview = await this.pulumi("preview", "--stack", stack, "--json");
    return withoutSame(previewSchema.parse(JSON.parse(preview)).changeSummary);
  }

  /** Operations that were not `same`, of the last update. */
  async lastChanges(stack: string): Promise<number> {
    const history = await this.pulumi(
      ...["stack", "history", "--stack", stack, "--json", "--page-size", "1"],
    );
    const [last] = historySchema.parse(JSON.parse(history));
    return withoutSame(last?.resourceChanges ?? {});
  }

  async resources(stack: string): Promise<number> {
    const exported = await this.pulumi("stack", "export", "--stack", stack);
    return stateSchema.parse(JSON.parse(exported)).deployment.resources.length;
  }

  async deploy(stack: string): Promise<StackFacts> {
    this.say(`${stack}: pulumi up`);
    const seconds = await this.up(stack);
    const resources = await this.resources(stack);
    this.say(`${stack}: ${resources} resources in ${seconds.toFixed(0)} s; pulumi up again`);
    await this.up(stack);
    const secondUpChanges = await this.lastChanges(stack);
    this.say(`${stack}: the second up had ${secondUpChanges} changes to make`);
    return { stack, resources, seconds, secondUpChanges };
  }

  async addRegion(): Promise<StackFacts> {
    const { stack } = THIRD;
    this.say(`${stack}: one more file, Pulumi.${stack}.yaml`);
    await this.writeThird("");
    await this.init(stack);
    return this.deploy(stack);
  }

  /** Protection off and `up`, then destroy, and the file deleted: the two recorded steps of a removal. */
  async removeRegion(): Promise<void> {
    const { stack } = THIRD;
    this.say(`${stack}: removal, step 1: protection off, pulumi up`);
    const off =
      "  meet:protection:\n    enabled: false\n    reason: the rehearsal removes this region\n";
    await this.writeThird(off);
    await this.up(stack);
    this.say(`${stack}: removal, step 2: pulumi destroy, file deleted`);
    await this.pulumi("destroy", "--stack", stack, "--yes", "--non-interactive", "--skip-preview");
    await this.pulumi("stack", "rm", stack, "--yes", "--preserve-config");
    await rm(join(this.workspace.program, `Pulumi.${stack}.yaml`));
  }

  private async writeThird(more: string): Promise<void> {
    const { stack, awsRegion, cidr } = THIRD;
    const salt = await this.salt();
    await writeFile(
      join(this.workspace.program, `Pulumi.${stack}.yaml`),
      `${salt}config:\n  aws:region: ${awsRegion}\n  meet:network:\n    cidr: ${cidr}\n${more}`,
    );
  }

  /** The line the engine wrote into the file when it made the stack; without it the secrets cannot be read. */
  private async salt(): Promise<string> {
    const path = join(this.workspace.program, `Pulumi.${THIRD.stack}.yaml`);
    const file = await readFile(path, "utf8").catch(() => "");
    return /^encryptionsalt:.*\n/m.exec(file)?.[0] ?? "";
  }
}
