import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { catalogue } from "./catalogue.ts";
import { Faults } from "./faults.ts";
import {
  Refusal,
  type Making,
  type Operation,
  type ResourceType,
  type Rule,
  type RuleCall,
  type Session,
  type Thing,
} from "./model.ts";
import { digest, nameOf } from "./naming.ts";
import { refusalText } from "./refusal-text.ts";
import { readStored, writeStored } from "./store.ts";
import {
  isUnknown,
  map,
  masked,
  plainMap,
  spreadUnknown,
  text,
  UNKNOWN,
  type Value,
  type ValueMap,
} from "./values.ts";

/** One line of the call log. */
export interface LoggedCall {
  readonly at: string;
  readonly operation: Operation;
  readonly type: string;
  readonly urn: string;
  readonly id: string;
  /** Empty when it went well. */
  readonly error: string;
}

/** One line of the inventory. */
export interface Listed {
  readonly provider: string;
  readonly type: string;
  readonly id: string;
  readonly scope: string;
  readonly name: string;
  readonly urn: string;
  readonly tags: ValueMap;
  readonly inputs: Value;
}

/** How a cloud is made. */
export interface CloudOptions {
  /** Kept there between runs. @default in memory only */
  readonly stateFile?: string;
  /** Hosted zones that exist from the start. @default every zone that is looked up */
  readonly zones?: readonly string[];
  /** Plan of the Cloudflare account; decides the shortest monitor interval. @default "standard" */
  readonly cloudflarePlan?: "standard" | "enterprise";
  /** How long a rule that waits (certificate validation, nodes) is tried again. @default 10000 */
  readonly patienceMilliseconds?: number;
}

const RETRY_MILLISECONDS = 50;
const ZONE = "aws:route53/zone:Zone";

/** The one cloud that all stacks share: what exists, what is refused, and the log of all calls. */
export class Cloud {
  readonly faults = new Faults();
  readonly calls: LoggedCall[] = [];
  readonly accountId: string;
  readonly cloudflarePlan: "standard" | "enterprise";
  readonly #things = new Map<string, Thing>();
  readonly #objects = new Map<string, Set<string>>();
  readonly #stateFile: string | undefined;
  readonly #patienceMilliseconds: number;
  readonly #zones: readonly string[] | undefined;

  constructor(options: CloudOptions = {}) {
    this.#stateFile = options.stateFile;
    this.#zones = options.zones;
    this.cloudflarePlan = options.cloudflarePlan ?? "standard";
    this.#patienceMilliseconds = options.patienceMilliseconds ?? 10_000;
    const stored = options.stateFile === undefined ? undefined : readStored(options.stateFile);
    this.accountId = stored?.accountId ?? "123456789012";
    for (const thing of stored?.things ?? []) {
      this.#things.set(keyOf(thing), thing);
    }
    for (const [bucket, keys] of Object.entries(stored?.objects ?? {})) {
      this.#objects.set(bucket, new Set(keys));
    }
  }

  /** Everything of the given types, in order of creation. */
  all(...types: string[]): Thing[] {
    const things = [...this.#things.values()];
    return types.length === 0 ? things : things.filter((thing) => types.includes(thing.type));
  }

  /** The thing of that type and id; without a scope, wherever it is. */
  find(type: string, id: string | undefined, scope?: string): Thing | undefined {
    if (id === undefined) {
      return undefined;
    }
    return scope === undefined
      ? this.all(type).find((thing) => thing.id === id)
      : this.#things.get(keyOf({ type, id, scope }));
  }

  /** What was made, for a person or a test to compare with a stack's state; secrets are not shown. */
  inventory(): Listed[] {
    const made = this.all().filter(({ urn }) => urn !== "");
    return made.map((thing) => ({
      provider: thing.provider,
      type: thing.type,
      id: thing.id,
      scope: thing.scope,
      name: text(thing.state, "name") ?? text(thing.state, "metadata.name") ?? thing.id,
      urn: thing.urn,
      tags: map(thing.state, "tagsAll"),
      inputs: masked(thing.inputs),
    }));
  }

  /** Puts an object into a bucket, as Egress would. */
  putObject(bucket: string, key: string): void {
    if (this.find("aws:s3/bucket:Bucket", bucket) === undefined) {
      throw new Error(`Bucket "${bucket}": it does not exist. Create it first.`);
    }
    this.#objects.set(bucket, (this.#objects.get(bucket) ?? new Set()).add(key));
    this.save();
  }

  /** Removes every object of a bucket. */
  emptyBucket(bucket: string): void {
    this.#objects.delete(bucket);
    this.save();
  }

  /** Keys of the objects in a bucket. */
  objects(bucket: string): string[] {
    return [...(this.#objects.get(bucket) ?? [])];
  }

  /** Adds what no program made: a hosted zone of before, a final snapshot. It is in no inventory. */
  leave(type: string, id: string, scope: string, state: ValueMap): Thing {
    const thing: Thing = {
      provider: "aws",
      type,
      id,
      scope,
      urn: "",
      inputs: {},
      state,
      secretOutputs: [],
    };
    this.#things.set(keyOf(thing), thing);
    return thing;
  }

  /** Removes what goes with something else, such as the objects of a namespace. */
  removeWhere(gone: (thing: Thing) => boolean): void {
    for (const [key, thing] of this.#things) {
      if (gone(thing)) {
        this.#things.delete(key);
      }
    }
  }

  /** Takes a thing away behind the engine's back, as somebody in the console would. */
  vanish(type: string, id: string): boolean {
    const thing = this.find(type, id);
    const gone = thing !== undefined && this.#things.delete(keyOf(thing));
    this.save();
    return gone;
  }

  /** Changes the state of a thing behind the engine's back, such as a promoted replica. */
  alter(type: string, id: string, inputs: ValueMap, state: ValueMap = inputs): void {
    const thing = this.find(type, id);
    if (thing === undefined) {
      throw new Error(`Cloud: there is no ${type} "${id}" to alter. Look into the inventory.`);
    }
    thing.inputs = withoutNull({ ...thing.inputs, ...inputs });
    thing.state = withoutNull({ ...thing.state, ...state });
    this.save();
  }

  /**
   * A hosted zone that was there before; one that is looked up by name counts as such, unless the cloud was
   * started with a list of zones.
   */
  hostedZone(name: string | undefined, id: string | undefined): Thing {
    const bare = name?.replace(/\.$/, "").toLowerCase();
    const found = this.all(ZONE).find(
      (zone) => zone.id === id || (bare !== undefined && text(zone.state, "name") === bare),
    );
    if (found !== undefined) {
      return found;
    }
    if (bare === undefined || this.#zones?.includes(bare) === false) {
      throw new Refusal("NotFound", "no matching Route 53 Hosted Zone found");
    }
    const zoneId = `Z${digest(`zone ${bare}`, 20).toUpperCase()}`;
    const zone = this.leave(ZONE, zoneId, "", {
      name: bare,
      zoneId,
      arn: `arn:aws:route53:::hostedzone/${zoneId}`,
      nameServers: [1, 2, 3, 4].map((n) => `ns-${n}.awsdns-0${n}.example`),
    });
    this.save();
    return zone;
  }

  /** Where a resource lives: its own region, its provider's region, its cluster, or nowhere in particular. */
  scopeOf(type: ResourceType, inputs: ValueMap, session: Session): string {
    if (type.isGlobal === true) {
      return "";
    }
    if (type.provider === "kubernetes") {
      const cluster = this.all("aws:eks/cluster:Cluster").find(
        (thing) => text(thing.state, "endpoint") === session.server,
      );
      if (cluster === undefined) {
        throw new Refusal(
          "Unreachable",
          "configured Kubernetes cluster is unreachable: unable to load schema information from " +
            `the API server: Get "${session.server}/openapi/v2?timeout=32s": no such host`,
        );
      }
      return text(cluster.state, "arn") ?? "";
    }
    return text(inputs, "region") ?? session.region;
  }

  /** Makes a thing, unless a rule refuses it. */
  async create(
    type: ResourceType,
    urn: string,
    inputs: ValueMap,
    session: Session,
  ): Promise<Thing> {
    const bare = plainMap(inputs);
    const scope = this.scopeOf(type, bare, session);
    const call: RuleCall = {
      cloud: this,
      op: "create",
      type,
      inputs: bare,
      thing: undefined,
      session,
      scope,
      urn,
    };
    await this.#wait(call);
    this.#enforce(call);
    const making = this.#making(type, urn, bare, session, scope, false);
    this.#refuseTwin(making, undefined);
    const thing: Thing = {
      provider: type.provider,
      type: type.token,
      id: making.id,
      scope,
      urn,
      inputs,
      state: outputsOf(making),
      secretOutputs: type.secretOutputs ?? [],
    };
    if (this.#things.has(keyOf(thing)) && type.mayOverwrite?.(bare) !== true) {
      throw new Refusal(
        "AlreadyExists",
        `creating ${type.title} (${thing.id}): it already exists in ${scope || "the account"}`,
      );
    }
    this.#things.set(keyOf(thing), thing);
    type.onDone?.(this, "create", thing);
    this.save();
    return thing;
  }

  /** Id and outputs of what exists in no cloud. */
  compute(
    type: ResourceType,
    urn: string,
    inputs: ValueMap,
    session: Session,
  ): { id: string; outputs: ValueMap } {
    const making = this.#making(type, urn, plainMap(inputs), session, "", false);
    return { id: making.id, outputs: outputsOf(making) };
  }

  /** What a creation would give: computed values are unknown. */
  preview(type: ResourceType, urn: string, inputs: ValueMap, session: Session): ValueMap {
    const bare = plainMap(inputs);
    return outputsOf(this.#making(type, urn, bare, session, "", true));
  }

  /** Changes a thing in place, unless a rule refuses it. */
  async update(thing: Thing, type: ResourceType, inputs: ValueMap, session: Session) {
    const { urn, scope } = thing;
    const bare = plainMap(inputs);
    const call: RuleCall = {
      cloud: this,
      op: "update",
      type,
      inputs: bare,
      thing,
      session,
      scope,
      urn,
    };
    await this.#wait(call);
    this.#enforce(call);
    const making = this.#making(type, urn, bare, session, scope, false, thing);
    this.#refuseTwin(making, thing);
    thing.inputs = inputs;
    thing.state = outputsOf(making);
    type.onDone?.(this, "update", thing);
    this.save();
  }

  /** What an update would give: what is computed stays as it is. */
  previewUpdate(thing: Thing, type: ResourceType, inputs: ValueMap, session: Session): ValueMap {
    const bare = plainMap(inputs);
    return outputsOf(this.#making(type, thing.urn, bare, session, thing.scope, true, thing));
  }

  /** Removes a thing, unless a rule refuses it. */
  async delete(thing: Thing, type: ResourceType, session: Session): Promise<void> {
    const call: RuleCall = {
      cloud: this,
      op: "delete",
      type,
      inputs: plainMap(thing.inputs),
      thing,
      session,
      scope: thing.scope,
      urn: thing.urn,
    };
    await this.#wait(call);
    this.#enforce(call);
    this.#things.delete(keyOf(thing));
    type.onDone?.(this, "delete", thing);
    this.save();
  }

  /** Writes the state file, where there is one. */
  save(): void {
    if (this.#stateFile !== undefined) {
      writeStored(this.#stateFile, {
        accountId: this.accountId,
        objects: Object.fromEntries([...this.#objects].map(([name, keys]) => [name, [...keys]])),
        things: this.all(),
      });
    }
  }

  /** Waits, as the service would, while a rule that waits is broken. */
  async #wait(call: RuleCall): Promise<void> {
    const deadline = Date.now() + this.#patienceMilliseconds;
    while (firstBroken(call)?.rule.waits === true && Date.now() < deadline) {
      await sleep(RETRY_MILLISECONDS);
    }
  }

  /** Judges a call; what follows in the same turn of the event loop finds the cloud as it was judged. */
  #enforce(call: RuleCall): void {
    const broken = firstBroken(call);
    if (broken !== undefined) {
      throw new Refusal(broken.rule.errorCode, refusalText(broken.rule, call, broken.message));
    }
  }

  #refuseTwin(making: Making, self: Thing | undefined): void {
    const { unique } = making.type;
    const key = unique?.key(making);
    if (unique === undefined || key === undefined || isUnknown(key)) {
      return;
    }
    const twin = this.all(making.type.token).find(
      (thing) =>
        thing !== self &&
        (unique.everywhere === true || thing.scope === making.scope) &&
        unique.key({ ...making, inputs: plainMap(thing.inputs), id: thing.id }) === key,
    );
    if (twin !== undefined) {
      const rule = { errorCode: unique.errorCode, status: unique.status };
      const call = { op: self === undefined ? "create" : "update", type: making.type } as const;
      throw new Refusal(
        unique.errorCode,
        refusalText(rule, { ...call, inputs: making.inputs, thing: self }, unique.message(key)),
      );
    }
  }

  #making(
    type: ResourceType,
    urn: string,
    inputs: ValueMap,
    session: Session,
    scope: string,
    preview: boolean,
    old?: Thing,
  ): Making {
    const region = text(inputs, "region") ?? session.region;
    const partial: Making = {
      cloud: this,
      session,
      type,
      urn,
      name: nameOf(urn),
      inputs,
      id: "",
      scope,
      region,
      accountId: this.accountId,
      preview,
      old: old?.state,
      hex: (length) =>
        preview
          ? UNKNOWN
          : randomBytes(Math.ceil(length / 2))
              .toString("hex")
              .slice(0, length),
      digits: (length) =>
        preview ? UNKNOWN : Array.from({ length }, () => String(randomInt(10))).join(""),
      arn: (service, rest) => `arn:aws:${service}:${region}:${this.accountId}:${rest}`,
    };
    return { ...partial, id: old?.id ?? (preview ? UNKNOWN : type.id(partial)) };
  }
}

function keyOf(thing: { type: string; id: string; scope: string }): string {
  return `${thing.type} ${thing.scope} ${thing.id}`;
}

function withoutNull(map: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

function firstBroken(call: RuleCall): { rule: Rule; message: string } | undefined {
  for (const rule of catalogue.rulesOf(call.type.token)) {
    const message = rule.on.includes(call.op) ? rule.check(call) : undefined;
    if (message !== undefined) {
      return { rule, message };
    }
  }
  return undefined;
}

function outputsOf(making: Making): ValueMap {
  const { type, inputs, old, preview } = making;
  const outputs: ValueMap = Object.fromEntries(
    Object.entries(inputs).filter(([key]) => key !== "__defaults"),
  );
  for (const [key, compute] of Object.entries(type.computed)) {
    if (outputs[key] !== undefined && outputs[key] !== null) {
      continue;
    }
    const kept = type.recomputed?.includes(key) === true ? undefined : old?.[key];
    outputs[key] = kept ?? (preview ? UNKNOWN : compute(making));
  }
  for (const [key, derive] of Object.entries(type.derived ?? {})) {
    outputs[key] = preview ? spreadUnknown(derive(making)) : derive(making);
  }
  if (type.provider === "aws" && type.isGlobal !== true) {
    outputs["region"] = making.region;
  }
  if (type.hasTags === true) {
    outputs["tagsAll"] = { ...making.session.defaultTags, ...map(inputs, "tags") };
  }
  return outputs;
}
