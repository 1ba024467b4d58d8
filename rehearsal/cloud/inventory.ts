import type { Thing } from "./model.ts";
import { Refusal } from "./model.ts";
import { digest } from "./naming.ts";
import { readStored, writeStored } from "./store.ts";
import { map, masked, text, type Value, type ValueMap } from "./values.ts";

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
  /** A state file to begin with, which is not written to. @default empty, or what `stateFile` has */
  readonly from?: string;
  /** Hosted zones that exist from the start. @default every zone that is looked up */
  readonly zones?: readonly string[];
  /** Plan of the Cloudflare account; decides the shortest monitor interval. @default "standard" */
  readonly cloudflarePlan?: "standard" | "enterprise";
  /** How long a rule that waits (certificate validation, nodes) is tried again. @default 10000 */
  readonly patienceMilliseconds?: number;
}

const ZONE = "aws:route53/zone:Zone";

/** What exists: all things of all stacks, the objects in the buckets, and the file that keeps them. */
export class Inventory {
  readonly accountId: string;
  readonly #things = new Map<string, Thing>();
  readonly #objects = new Map<string, Set<string>>();
  readonly #stateFile: string | undefined;
  readonly #zones: readonly string[] | undefined;

  constructor(options: CloudOptions) {
    this.#stateFile = options.stateFile;
    this.#zones = options.zones;
    const file = options.from ?? options.stateFile;
    const stored = file === undefined ? undefined : readStored(file);
    if (options.from !== undefined && stored === undefined) {
      throw new Error(
        `Stand-in cloud "${options.from}": there is no such state file. Make it first.`,
      );
    }
    this.accountId = stored?.accountId ?? "123456789012";
    for (const thing of stored?.things ?? []) {
      this.#things.set(keyOf(thing), thing);
    }
    for (const [bucket, keys] of Object.entries(stored?.objects ?? {})) {
      this.#objects.set(bucket, new Set(keys));
    }
  }

  /** Adds a thing, or puts it in the place of the one with its id. */
  put(thing: Thing): void {
    this.#things.set(keyOf(thing), thing);
  }

  /** Takes a thing out. */
  drop(thing: Thing): void {
    this.#things.delete(keyOf(thing));
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

  /** Writes the state file, where there is one. */
  save(): void {
    if (this.#stateFile !== undefined) {
      this.keepIn(this.#stateFile);
    }
  }

  /** Writes all that exists now to a state file. */
  keepIn(file: string): void {
    writeStored(file, {
      accountId: this.accountId,
      objects: Object.fromEntries([...this.#objects].map(([name, keys]) => [name, [...keys]])),
      things: this.all(),
    });
  }
}

function keyOf(thing: { type: string; id: string; scope: string }): string {
  return `${thing.type} ${thing.scope} ${thing.id}`;
}

function withoutNull(map: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}
