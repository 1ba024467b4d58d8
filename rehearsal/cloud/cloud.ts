import { setTimeout as sleep } from "node:timers/promises";

import { catalogue } from "./catalogue.ts";
import { Faults } from "./faults.ts";
import { Inventory, type CloudOptions } from "./inventory.ts";
import { makingOf, outputsOf } from "./making.ts";
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
import { refusalText } from "./refusal-text.ts";
import { isUnknown, plainMap, text, type ValueMap } from "./values.ts";

export type { CloudOptions, Listed } from "./inventory.ts";

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

const RETRY_MILLISECONDS = 50;

/** The one cloud that all stacks share: what exists, what is refused, and the log of all calls. */
export class Cloud extends Inventory {
  readonly faults = new Faults();
  readonly calls: LoggedCall[] = [];
  readonly cloudflarePlan: "standard" | "enterprise";
  readonly #patienceMilliseconds: number;

  constructor(options: CloudOptions = {}) {
    super(options);
    this.cloudflarePlan = options.cloudflarePlan ?? "standard";
    this.#patienceMilliseconds = options.patienceMilliseconds ?? 10_000;
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
    const making = makingOf({
      cloud: this,
      type,
      urn,
      inputs: bare,
      session,
      scope,
      preview: false,
    });
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
    if (
      this.find(type.token, thing.id, thing.scope) !== undefined &&
      type.mayOverwrite?.(bare) !== true
    ) {
      throw new Refusal(
        "AlreadyExists",
        `creating ${type.title} (${thing.id}): it already exists in ${scope || "the account"}`,
      );
    }
    this.put(thing);
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
    const making = makingOf({
      cloud: this,
      type,
      urn,
      inputs: plainMap(inputs),
      session,
      scope: "",
      preview: false,
    });
    return { id: making.id, outputs: outputsOf(making) };
  }

  /** What a creation would give: computed values are unknown. */
  preview(type: ResourceType, urn: string, inputs: ValueMap, session: Session): ValueMap {
    const bare = plainMap(inputs);
    return outputsOf(
      makingOf({ cloud: this, type, urn, inputs: bare, session, scope: "", preview: true }),
    );
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
    const making = makingOf({
      cloud: this,
      type,
      urn,
      inputs: bare,
      session,
      scope,
      preview: false,
      old: thing,
    });
    this.#refuseTwin(making, thing);
    thing.inputs = inputs;
    thing.state = outputsOf(making);
    type.onDone?.(this, "update", thing);
    this.save();
  }

  /** What an update would give: what is computed stays as it is. */
  previewUpdate(thing: Thing, type: ResourceType, inputs: ValueMap, session: Session): ValueMap {
    const bare = plainMap(inputs);
    return outputsOf(
      makingOf({
        cloud: this,
        type,
        urn: thing.urn,
        inputs: bare,
        session,
        scope: thing.scope,
        preview: true,
        old: thing,
      }),
    );
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
    this.drop(thing);
    type.onDone?.(this, "delete", thing);
    this.save();
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
