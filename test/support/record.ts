import type * as pulumi from "@pulumi/pulumi";
import { type Recorded } from "../../plan/recorded.ts";
import { recordProgram, type RecordOptions } from "../../plan/recorder.ts";

export type { Recorded } from "../../plan/recorded.ts";

/** A recorded run with the look-ups that tests use. */
export interface Recording<T> {
  readonly all: readonly Recorded[];
  readonly result: T;
  /** All resources of a type, in the order of registration. */
  ofType(type: string): Recorded[];
  /** The one resource of a type, or the one of that name. @throws unless there is exactly one */
  one(type: string, name?: string): Recorded;
}

/** Runs a program under mocks and records it; see plan/recorder.ts. */
export async function record<T>(
  program: () => T | Promise<T>,
  options?: RecordOptions,
): Promise<Recording<T>> {
  const { resources, result } = await recordProgram(program, options);
  const ofType = (type: string): Recorded[] => resources.filter((item) => item.type === type);
  return {
    all: resources,
    result,
    ofType,
    one: (type, name) => {
      const found = ofType(type).filter((item) => name === undefined || item.name === name);
      const [only] = found;
      if (only === undefined || found.length > 1) {
        const there = resources.map((item) => `${item.type} ${item.name}`).join("\n");
        throw new Error(
          `expected one ${type} ${name ?? ""}, found ${found.length} among:\n${there}`,
        );
      }
      return only;
    },
  };
}

/** The value of an output, once it is known. */
export function value<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((known) => {
      resolve(known);
    });
  });
}
