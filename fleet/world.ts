import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { AwsCli, type Aws } from "./aws.ts";
import { askAtTerminal, createConfirm, type Confirm } from "./confirm.ts";
import { EXIT, FleetError } from "./exit.ts";
import { ENDPOINTS_VARIABLE, gatewayEndpoints, Gateways } from "./gateways.ts";
import type { Interrupts } from "./interrupts.ts";
import { createOutput, type Output } from "./output.ts";
import { PulumiStacks } from "./pulumi-stacks.ts";
import type { FleetFiles } from "./stack-files.ts";
import type { Stacks } from "./stacks.ts";

/** Variable with the path of a file that holds the operators' secret: for when the state is out of reach. */
export const SECRET_FILE_VARIABLE = "MEET_FLEET_OPERATOR_SECRET_FILE";

/** Everything outside of this program that commands work with; tests bring their own. */
export interface World {
  /** Folder of Pulumi.yaml and the stack files. */
  readonly project: string;
  readonly output: Output;
  readonly confirm: Confirm;
  readonly stacks: Stacks;
  readonly aws: Aws;
  /** The regions' gateways. @throws FleetError when the operators' secret cannot be had */
  gateways(fleet: FleetFiles): Promise<Gateways>;
  readonly clock: {
    /** Milliseconds since 1970. */
    now(): number;
    sleep(ms: number): Promise<void>;
  };
  /** Aborted once the operator wants the command to end. */
  readonly interrupted: AbortSignal;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly project: string;
  readonly json: boolean;
  readonly yes: boolean;
  /** Words that answer questions which want one. */
  readonly confirm: readonly string[];
}

/** The world as it is. */
export function realWorld(options: CommonOptions, interrupts: Interrupts): World {
  const { env } = process;
  const interrupted = interrupts.operator;
  const stacks = new PulumiStacks(options.project, interrupts);
  return {
    project: options.project,
    output: createOutput(
      {
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
      },
      { json: options.json },
    ),
    confirm: createConfirm(askAtTerminal, { yes: options.yes, words: options.confirm }),
    stacks,
    aws: new AwsCli(),
    gateways: async (fleet) =>
      new Gateways({
        endpoints: gatewayEndpoints(
          [...fleet.regions.keys()],
          fleet.fleet.domain,
          env[ENDPOINTS_VARIABLE],
        ),
        secret: await operatorSecret(fleet, stacks, env[SECRET_FILE_VARIABLE]),
        operator: operatorName(),
      }),
    clock: {
      now: () => Date.now(),
      sleep: async (ms) => {
        // An interrupt ends the pause, not the command: that says first how far it is.
        await sleep(ms, undefined, { signal: interrupted }).catch(() => undefined);
      },
    },
    interrupted,
  };
}

const secretsSchema = z.object({ operatorSecret: z.string().min(1) });

/** The operators' secret, from the primary's outputs unless a file has it. @throws FleetError without it */
export async function operatorSecret(
  { fleet }: Pick<FleetFiles, "fleet">,
  stacks: Pick<Stacks, "outputs">,
  file: string | undefined,
): Promise<string> {
  if (file !== undefined) {
    try {
      return readFileSync(file, "utf8").trim();
    } catch {
      throw new FleetError(
        `Variable "${SECRET_FILE_VARIABLE}": the file ${file} cannot be read. Correct the path, or unset it.`,
        EXIT.wrongUse,
      );
    }
  }
  const { stack } = fleet.primary;
  const { sharedSecrets } = await stacks.outputs(stack);
  const found = secretsSchema.safeParse(sharedSecrets);
  if (!found.success) {
    throw new FleetError(
      `Stack "${stack}": its output sharedSecrets has no operators' secret that can be read. Run fleet up ${stack}, with the fleet's secrets provider and passphrase.`,
    );
  }
  return found.data.operatorSecret;
}

/** The operator's name as the gateways take it and log it. */
export function operatorName(name: string = userInfo().username): string {
  const plain = name.replace(/[^A-Za-z0-9._@-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return plain === "" ? "operator" : plain.slice(0, 100);
}
