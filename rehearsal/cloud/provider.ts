import { catalogue } from "./catalogue.ts";
import type { Cloud } from "./cloud.ts";
import { digest, nameOf } from "./naming.ts";
import { diffInputs, type Difference } from "./diff.ts";
import { invoke } from "./invoke.ts";
import {
  Refusal,
  type Operation,
  type ProviderName,
  type ResourceType,
  type Session,
  type Thing,
} from "./model.ts";
import { marked } from "./marks.ts";
import { sessionFrom } from "./session.ts";
import { canonical, map, plain, plainMap, text, type ValueMap } from "./values.ts";

/** What the engine is told about a resource that exists. */
export interface Answer {
  readonly id: string;
  readonly outputs: ValueMap;
  readonly inputs: ValueMap;
}

/**
 * One package's provider, without the wire: every method is one call of the engine's provider protocol.
 *
 * All provider instances of a package, of all stacks, come to the same server when they are attached with
 * PULUMI_DEBUG_PROVIDERS. The engine dials a connection of its own for each instance, so the connection tells
 * them apart: `peer` is its address, and `configure` is remembered by it.
 */
export class StandInProvider {
  readonly name: ProviderName;
  readonly #cloud: Cloud;
  readonly #sessions = new Map<string, Session>();

  constructor(name: ProviderName, cloud: Cloud) {
    this.name = name;
    this.#cloud = cloud;
  }

  /** Remembers the configuration of the instance behind a connection. */
  configure(peer: string, args: ValueMap): void {
    this.#sessions.set(peer, sessionFrom(this.name, args));
  }

  /** Fills in the name that the engine leaves to the provider. */
  check(urn: string, olds: ValueMap, news: ValueMap, seed: string): ValueMap {
    const type = catalogue.type(this.name, typeOf(urn));
    if (type.autoname === undefined) {
      return news;
    }
    const { key, maxLength } = type.autoname;
    if (key === "metadata.name") {
      return this.#checkKubernetes(urn, olds, news, seed);
    }
    if (text(news, key) !== undefined || (news[key] !== undefined && news[key] !== null)) {
      return news;
    }
    const prefix = text(news, `${key}Prefix`);
    const old = isAutonamed(olds, key) ? text(olds, key) : undefined;
    const stem = prefix ?? `${nameOf(urn)}-`;
    const fresh = stem.slice(0, (maxLength ?? 255) - 7) + digest(seed + urn, 7);
    return { ...news, [key]: old ?? fresh, __defaults: [key] };
  }

  /** What changed, and whether that replaces the resource. */
  diff(urn: string, oldInputs: ValueMap, news: ValueMap): Difference {
    return diffInputs(catalogue.type(this.name, typeOf(urn)), oldInputs, news);
  }

  /**
   * What a changed configuration means. A Kubernetes provider is replaced, and every object of it, when its
   * `clusterIdentifier` changes; without one also when its kubeconfig does or is not known yet
   * (pulumi/pulumi-kubernetes provider/pkg/provider/provider.go, DiffConfig).
   */
  diffConfig(olds: ValueMap, news: ValueMap): Difference {
    const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])];
    const changed = keys.filter(
      (key) =>
        key !== "version" &&
        canonical(plain(olds[key] ?? null), false) !== canonical(plain(news[key] ?? null), false),
    );
    if (this.name !== "kubernetes") {
      return { changed, replaces: [], deleteFirst: false };
    }
    const decisive =
      text(plainMap(olds), "clusterIdentifier") === undefined ? "kubeconfig" : "clusterIdentifier";
    const replaces = changed.includes(decisive) ? [decisive] : [];
    return { changed, replaces, deleteFirst: replaces.length > 0 };
  }

  /** Makes a resource, or says what it would give. */
  async create(peer: string, urn: string, inputs: ValueMap, preview: boolean): Promise<Answer> {
    const type = catalogue.type(this.name, typeOf(urn));
    const session = this.#session(peer);
    if (preview) {
      const outputs = this.#cloud.preview(type, urn, inputs, session);
      return { id: "", outputs: marked(outputs, inputs, type.secretOutputs ?? []), inputs };
    }
    return this.#logged("create", type, urn, "", this.#scope(type, inputs, session), async () => {
      if (type.isOnlyInState === true) {
        const { id, outputs } = this.#cloud.compute(type, urn, inputs, session);
        return { id, outputs: marked(outputs, inputs, type.secretOutputs ?? []), inputs };
      }
      const thing = await this.#cloud.create(type, urn, inputs, session);
      return answerOf(thing);
    });
  }

  /** The resource as it exists; undefined when it is gone. */
  async read(
    peer: string,
    urn: string,
    id: string,
    olds: ValueMap,
    inputs: ValueMap,
  ): Promise<Answer | undefined> {
    const type = catalogue.type(this.name, typeOf(urn));
    if (type.isOnlyInState === true) {
      return { id, outputs: olds, inputs };
    }
    return this.#logged(
      "read",
      type,
      urn,
      id,
      () => this.#find(peer, type, id, olds)?.scope ?? "",
      () => {
        const thing = this.#find(peer, type, id, olds);
        return Promise.resolve(thing === undefined ? undefined : answerOf(thing));
      },
    );
  }

  /** Changes a resource in place, or says what that would give. */
  async update(
    peer: string,
    urn: string,
    id: string,
    olds: ValueMap,
    news: ValueMap,
    preview: boolean,
  ): Promise<Answer> {
    const type = catalogue.type(this.name, typeOf(urn));
    const session = this.#session(peer);
    const thing = this.#find(peer, type, id, olds);
    if (thing === undefined) {
      throw new Refusal("NotFound", `updating ${type.title} (${id}): couldn't find resource`);
    }
    if (preview) {
      const outputs = this.#cloud.previewUpdate(thing, type, news, session);
      return { id, outputs: marked(outputs, news, thing.secretOutputs), inputs: news };
    }
    return this.#logged(
      "update",
      type,
      urn,
      id,
      () => thing.scope,
      async () => {
        await this.#cloud.update(thing, type, news, session);
        return answerOf(thing);
      },
    );
  }

  /** Removes a resource; one that is gone already is fine. */
  async delete(peer: string, urn: string, id: string, olds: ValueMap): Promise<void> {
    const type = catalogue.type(this.name, typeOf(urn));
    const session = this.#session(peer);
    if (type.isOnlyInState === true) {
      return;
    }
    await this.#logged(
      "delete",
      type,
      urn,
      id,
      () => this.#find(peer, type, id, olds)?.scope ?? "",
      async () => {
        const thing = this.#find(peer, type, id, olds);
        if (thing !== undefined) {
          await this.#cloud.delete(thing, type, session);
        }
      },
    );
  }

  /** Answers a lookup. */
  async invoke(peer: string, token: string, args: ValueMap): Promise<ValueMap> {
    const session = this.#session(peer);
    await this.#cloud.faults.strike(
      { type: token, name: "", operation: "invoke" },
      "before",
      token,
    );
    this.#log("invoke", token, "", "", "");
    return invoke(this.#cloud, session, token, args);
  }

  #session(peer: string): Session {
    const session = this.#sessions.get(peer);
    if (session === undefined) {
      throw new Error(
        `Stand-in ${this.name}: a call came over a connection that was never configured (${peer}). ` +
          "Configure the provider first.",
      );
    }
    return session;
  }

  #find(peer: string, type: ResourceType, id: string, olds: ValueMap): Thing | undefined {
    // An import may name the region: `sg-1@us-east-1`.
    const [bare = id, region] = this.name === "aws" ? splitRegion(id) : [id];
    const session = this.#session(peer);
    const inputs = region === undefined ? olds : { ...olds, region };
    return this.#cloud.find(type.token, bare, this.#cloud.scopeOf(type, inputs, session));
  }

  #scope(type: ResourceType, inputs: ValueMap, session: Session): () => string {
    return () => (type.isOnlyInState === true ? "" : this.#cloud.scopeOf(type, inputs, session));
  }

  async #logged<T>(
    operation: Operation,
    type: ResourceType,
    urn: string,
    id: string,
    scope: () => string,
    act: () => Promise<T>,
  ): Promise<T> {
    const apiCall = `${type.api[0]}: ${words[operation]}${type.api[1]}`;
    try {
      const call = { type: type.token, name: nameOf(urn), operation, scope: scope() };
      await this.#cloud.faults.strike(call, "before", apiCall);
      const result = await act();
      await this.#cloud.faults.strike(call, "after", apiCall);
      this.#log(operation, type.token, urn, id, "");
      return result;
    } catch (error) {
      this.#log(operation, type.token, urn, id, error instanceof Error ? error.message : "failed");
      throw error;
    }
  }

  #log(operation: Operation, type: string, urn: string, id: string, error: string): void {
    const at = new Date().toISOString();
    this.#cloud.calls.push({ at, operation, type, urn, id, error });
  }

  #checkKubernetes(urn: string, olds: ValueMap, news: ValueMap, seed: string): ValueMap {
    const metadata = map(news, "metadata");
    if (metadata["name"] !== undefined && metadata["name"] !== null) {
      return news;
    }
    const marker = { "pulumi.com/autonamed": "true" };
    const wasAutonamed = map(olds, "metadata.annotations")["pulumi.com/autonamed"] === "true";
    const old = wasAutonamed ? text(olds, "metadata.name") : undefined;
    const name = old ?? `${nameOf(urn).toLowerCase()}-${digest(seed + urn, 8)}`;
    const annotations = { ...map(metadata, "annotations"), ...marker };
    return { ...news, metadata: { ...metadata, name, annotations } };
  }
}

const words: Record<Operation, string> = {
  create: "Create",
  read: "Describe",
  update: "Modify",
  delete: "Delete",
  invoke: "Describe",
};

/** The type token inside a URN: the last part of its chain of types. */
export function typeOf(urn: string): string {
  const types = urn.split("::")[2] ?? "";
  return types.slice(types.lastIndexOf("$") + 1);
}

function isAutonamed(inputs: ValueMap, key: string): boolean {
  const defaults = inputs["__defaults"];
  return Array.isArray(defaults) && defaults.includes(key);
}

function splitRegion(id: string): [string, string | undefined] {
  const parts = /^(.*)@([a-z]{2}(?:-[a-z]+)+-\d)$/.exec(id);
  return parts === null ? [id, undefined] : [parts[1] ?? id, parts[2]];
}

function answerOf(thing: Thing): Answer {
  return {
    id: thing.id,
    inputs: thing.inputs,
    outputs: marked(thing.state, thing.inputs, thing.secretOutputs),
  };
}
