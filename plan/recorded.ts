/** Key under which a recorded secret keeps its value, so that whoever prints a recording can leave it out. */
export const SECRET_KEY = "[secret]";

/** What stands for a value that is known only after an update. */
export const UNKNOWN = "[unknown]";

/** A resource as the program registered it: what the engine would be told, with the options that mocks hide. */
export interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** False for components. */
  readonly custom: boolean;
  /** Inputs; a secret is `{ "[secret]": value }`, an unknown `"[unknown]"`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URN of the parent; absent for the stack itself. */
  readonly parent?: string;
  /** URN and id of an explicit provider. */
  readonly provider?: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly dependsOn: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly aliases: readonly string[];
  readonly deletedWith?: string;
  readonly customTimeouts?: {
    readonly create: string;
    readonly update: string;
    readonly delete: string;
  };
}
