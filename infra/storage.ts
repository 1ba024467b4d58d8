import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { CompatibleBucket } from "../components/shared/storage.ts";
import type { FleetConfig } from "./config.ts";
import type { Store, StorageConfig } from "./storage-schema.ts";

/** Name of a store that regions without one of their own use. */
export const DEFAULT_STORE = "default";

/** A store with the name that its keys have too. */
export interface NamedStore extends Store {
  readonly name: string;
}

/** A region's store; undefined where recordings are on AWS, or where the files name none for it. */
export function storeOf(storage: StorageConfig, stack: string): NamedStore | undefined {
  if (storage.kind !== "s3-compatible") {
    return undefined;
  }
  const own = storage.regions[stack];
  if (own !== undefined) {
    return { name: stack, ...own };
  }
  return storage.default === undefined ? undefined : { name: DEFAULT_STORE, ...storage.default };
}

/** All stores, the primary's first: downloads look there first. */
export function storesOf({
  recordings: { storage },
  primary,
}: Pick<FleetConfig, "recordings" | "primary">): readonly NamedStore[] {
  if (storage.kind !== "s3-compatible") {
    return [];
  }
  const names = [primary.stack, ...Object.keys(storage.regions).sort(), DEFAULT_STORE];
  const stores = names.flatMap((name) => storeOf(storage, name) ?? []);
  return stores.filter((store, at) => stores.findIndex(({ name }) => name === store.name) === at);
}

const key = z.string().min(1).max(256).regex(/^\S+$/);
const keysSchema = z.record(z.string(), z.strictObject({ accessKeyId: key, secretAccessKey: key }));

/** The keys of stores, by the store's name. */
export type StorageKeys = Readonly<z.output<typeof keysSchema>>;

/** The secret meet:storageKeys, or what is wrong with it; no value is in the faults. */
export function readStorageKeys(
  source: string,
  stores: readonly NamedStore[],
): { readonly keys: StorageKeys } | { readonly faults: readonly string[] } {
  const form = '{"<store>": {"accessKeyId": "…", "secretAccessKey": "…"}}';
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return { faults: [`no JSON. Set ${form}.`] };
  }
  const parsed = keysSchema.safeParse(value);
  if (!parsed.success) {
    const places = parsed.error.issues.map(({ path }) => path.map(String).join(".") || "all of it");
    return {
      faults: [`not of the form ${form} (${[...new Set(places)].join(", ")}). Correct it.`],
    };
  }
  const names = stores.map(({ name }) => name);
  const given = Object.keys(parsed.data);
  const faults = [
    ...names
      .filter((name) => !given.includes(name))
      .map((name) => `there are no keys for the store ${name}. Add ${name} to it.`),
    ...given
      .filter((name) => !names.includes(name))
      .map((name) => `keys for ${name}, which is no store (${names.join(", ")}). Remove them.`),
  ];
  return faults.length > 0 ? { faults } : { keys: parsed.data };
}

/** A store with its keys, as components take it. */
export function compatibleBucket(
  store: NamedStore,
  keys: pulumi.Output<StorageKeys | undefined> | undefined,
): CompatibleBucket {
  const own = pulumi.secret(pulumi.output(keys).apply((all) => keysFor(store.name, all)));
  return {
    kind: "s3-compatible",
    name: store.bucket,
    endpoint: store.endpoint,
    region: store.region,
    pathStyle: store.pathStyle,
    delivery: store.delivery,
    accessKeyId: own.accessKeyId,
    secretAccessKey: own.secretAccessKey,
  };
}

function keysFor(name: string, keys: StorageKeys | undefined): StorageKeys[string] {
  const found = keys?.[name];
  if (found === undefined) {
    throw new pulumi.RunError(
      `Store "${name}": the primary's meet:storageKeys has no keys for it. Set them there, and run pulumi up of the primary first.`,
    );
  }
  return found;
}
