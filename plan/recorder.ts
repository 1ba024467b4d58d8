import * as pulumi from "@pulumi/pulumi";
import type * as resourceProto from "@pulumi/pulumi/proto/resource_pb.js";
import * as mocks from "@pulumi/pulumi/runtime/mocks.js";
import * as settings from "@pulumi/pulumi/runtime/settings.js";
import { answerCall, computedState } from "./mock-cloud.ts";
import { SECRET_KEY, UNKNOWN, type Recorded } from "./recorded.ts";

/** All resources of one run of a program, in the order of their registration, and what the program returned. */
export interface RecordingOf<T> {
  readonly resources: readonly Recorded[];
  readonly result: T;
}

/** How a program is run. */
export interface RecordOptions {
  /** @default "meet" */
  readonly project?: string;
  /** @default "test" */
  readonly stack?: string;
  /** As a preview: ids and computed values are unknown, and nothing inside `apply` runs. @default false */
  readonly preview?: boolean;
  /** Pulumi configuration of the stack, keys with their namespace (`aws:region`). @default none */
  readonly config?: Readonly<Record<string, string>>;
  /** Keys of `config` that are secret. @default none */
  readonly secretKeys?: readonly string[];
  /** Outputs of other stacks that StackReferences read, by stack name. @default none: every reference fails */
  readonly stackOutputs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * Runs a Pulumi program against mocks, without engine, plugin or account, and records every resource with its options.
 * The URN carries the whole chain of parent types, as the engine's does.
 * @throws whatever the program throws; a rejection inside it once nothing is pending any more.
 */
export async function recordProgram<T>(
  program: () => T | Promise<T>,
  options: RecordOptions = {},
): Promise<RecordingOf<T>> {
  const { project = "meet", stack = "test", preview = false, config = {} } = options;
  const resources: Recorded[] = [];
  const awsRegion = config["aws:region"] ?? "eu-west-3";
  await mocks.setMocks(
    {
      newResource: (args) =>
        computedState(args, { preview, awsRegion, stackOutputs: options.stackOutputs ?? {} }),
      call: (args) => answerCall(args, { awsRegion }),
    },
    project,
    stack,
    preview,
    "organization",
  );
  pulumi.runtime.setAllConfig({ ...config }, [...(options.secretKeys ?? [])]);
  wrapMonitor(resources);
  const outcome = await settle(program);
  await quiet(resources);
  if ("fault" in outcome) {
    throw new Error(outcome.fault);
  }
  return { resources, result: outcome.value };
}

/** The SDK awaits this itself at the end of every program; its types leave it out. */
const { waitForRPCs } = settings as unknown as { waitForRPCs: () => Promise<void> };

/** Waits until no call is under way and a whole turn of the event loop has started none. */
async function quiet(resources: readonly Recorded[]): Promise<void> {
  let before = -1;
  while (before !== resources.length) {
    before = resources.length;
    await waitForRPCs();
    await new Promise((resolve) => setImmediate(resolve));
    await waitForRPCs();
  }
}

type Outcome<T> = { readonly value: T } | { readonly fault: string };

/**
 * Runs the program as the stack's body. A fault is carried out by hand: thrown inside the stack it would reject a
 * promise that nobody awaits. Only its message is kept, as a ResourceError drags the whole resource graph along.
 */
async function settle<T>(program: () => T | Promise<T>): Promise<Outcome<T>> {
  let outcome: Outcome<T> = { fault: "the program ended before it returned" };
  await pulumi.runtime.runInPulumiStack(async () => {
    try {
      outcome = { value: await program() };
    } catch (error) {
      outcome = { fault: error instanceof Error ? error.message : String(error) };
    }
    return {};
  });
  return outcome;
}

type Callback = (error: unknown, response?: resourceProto.RegisterResourceResponse) => void;

/** What of the mock monitor is wrapped; the package types it as any. */
interface Monitor {
  newUrn: (parent: string, type: string, name: string) => string;
  registerResource: (request: resourceProto.RegisterResourceRequest, callback: Callback) => unknown;
}

function wrapMonitor(resources: Recorded[]): void {
  const monitor = settings.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.newUrn = engineUrn;
  monitor.registerResource = (request, callback) => {
    const urn = engineUrn(request.getParent(), request.getType(), request.getName());
    if (request.getType() !== ROOT_STACK_TYPE) {
      resources.push(recorded(urn, request));
    }
    return register(request, callback);
  };
}

const ROOT_STACK_TYPE = "pulumi:pulumi:Stack";

/** `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`; the stack's own type is not part of the chain. */
function engineUrn(parent: string, type: string, name: string): string {
  const parentTypes = parent.split("::")[2] ?? "";
  const qualified =
    parentTypes === "" || parentTypes === ROOT_STACK_TYPE ? type : `${parentTypes}$${type}`;
  return `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::${qualified}::${name}`;
}

function recorded(urn: string, request: resourceProto.RegisterResourceRequest): Recorded {
  const timeouts = request.getCustomtimeouts();
  const parent = request.getParent();
  const provider = request.getProvider();
  const deletedWith = request.getDeletedwith();
  return {
    type: request.getType(),
    name: request.getName(),
    urn,
    custom: request.getCustom(),
    inputs: readable(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
    ...(parent === "" ? {} : { parent }),
    ...(provider === "" ? {} : { provider }),
    protect: request.getProtect() ?? false,
    retainOnDelete: request.getRetainondelete() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplace(),
    dependsOn: [...request.getDependenciesList()].sort(),
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    aliases: request.getAliasesList().map((alias) => JSON.stringify(alias.toObject())),
    ...(deletedWith === "" ? {} : { deletedWith }),
    ...(timeouts === undefined
      ? {}
      : {
          customTimeouts: {
            create: timeouts.getCreate(),
            update: timeouts.getUpdate(),
            delete: timeouts.getDelete(),
          },
        }),
  };
}

/** Signatures of the engine's wire format (pulumi/pulumi sdk/go/common/resource/sig). */
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The wire form made readable: secrets and unknowns by name, resource references by their URN. */
function readable(value: unknown): unknown {
  if (value === UNKNOWN_VALUE) {
    return UNKNOWN;
  }
  if (Array.isArray(value)) {
    return value.map(readable);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE_KEY] === SECRET_SIGNATURE) {
    return { [SECRET_KEY]: readable(object["value"]) };
  }
  if (typeof object["urn"] === "string" && SIGNATURE_KEY in object) {
    return object["urn"];
  }
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, readable(item)]));
}
