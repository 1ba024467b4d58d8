/** How many resources each kind of step was for, or would be; those that stay as they are left out. */
export type Changes = Readonly<Record<string, number>>;

/** How far an operation on a stack is. */
export interface StackProgress {
  /** Resources that are done, those that stay as they are included. */
  readonly done: number;
  /** What is under way, such as `create aws:eks/cluster:Cluster cluster`; at most a few. */
  readonly underWay: readonly string[];
}

/** What a preview found. */
export interface Previewed {
  readonly changes: Changes;
  /** One line per resource that would change, such as `update kubernetes:apps/v1:Deployment rooms`, sorted. */
  readonly steps: readonly string[];
}

/** A resource as the stack's state has it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly protect: boolean;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** The stack's state. */
export interface StackState {
  readonly resources: readonly StateResource[];
  /** Operations that were under way when an update was killed, by URN. */
  readonly pending: readonly string[];
}

/** One update of a stack that has ended. */
export interface StackUpdate {
  readonly kind: string;
  readonly succeeded: boolean;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Commit of the checkout that it was made from, where it was one. */
  readonly commit?: string;
  /** The configuration that it ran with, by key; encrypted values are left out. */
  readonly config: ReadonlyMap<string, string>;
}

/**
 * The stacks of the fleet, by the engine.
 * @throws FleetError from each method, with what the engine says is wrong
 */
export interface Stacks {
  /** Names of the stacks that exist, deployed or not. */
  names(): Promise<ReadonlySet<string>>;
  /** Makes an empty stack. @param secretsProvider the backend's own unless given */
  create(stack: string, secretsProvider?: string): Promise<void>;
  preview(stack: string, onProgress: (progress: StackProgress) => void): Promise<Previewed>;
  up(stack: string, onProgress: (progress: StackProgress) => void): Promise<Changes>;
  /** Deletes all of the stack's resources. Nothing is deleted while one of them is protected. */
  destroy(stack: string, onProgress: (progress: StackProgress) => void): Promise<Changes>;
  /** Forgets a stack without resources; its file stays. */
  remove(stack: string): Promise<void>;
  /** Outputs of the stack, secret ones included: never to be printed. */
  outputs(stack: string): Promise<Readonly<Record<string, unknown>>>;
  /** The encrypted settings of the stack's file, by key, decrypted: never to be printed. */
  secrets(stack: string): Promise<ReadonlyMap<string, string>>;
  /** Encrypts a setting into the stack's file. */
  setSecret(stack: string, key: string, value: string): Promise<void>;
  /**
   * Marks all below components of a type: what leaves the program stays in the cloud and is only forgotten.
   * @returns how many were not marked before
   */
  keep(stack: string, componentType: string): Promise<number>;
  /** Takes resources out of the state: they stay in the cloud, and the next update makes others. */
  forget(stack: string, urns: readonly string[]): Promise<void>;
  /** Puts resources of another stack's state into this one's too; what is there already stays as it is. */
  adopt(stack: string, from: string, urns: readonly string[]): Promise<void>;
  state(stack: string): Promise<StackState>;
  /** The last updates, the newest first. */
  updates(stack: string, count: number): Promise<readonly StackUpdate[]>;
}
