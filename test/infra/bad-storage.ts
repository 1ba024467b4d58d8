import { bad, MEDIA, PRIMARY, primary, type BadConfiguration } from "./fleet-samples.ts";

const STORE = { endpoint: "https://s3.fr-par.scw.cloud", region: "fr-par", bucket: "meet" };
const KEYS = { "meet:storageKeys": { secure: "v1:abc" } };

const storage = (value: unknown) => ({ "meet:recordings": { storage: value } });
const compatible = (more: object) => ({ ...KEYS, ...storage({ kind: "s3-compatible", ...more }) });

/** Faults of where recordings are kept. */
export const BAD_STORAGE: readonly BadConfiguration[] = [
  primary(
    "an unknown choice of storage",
    storage({ kind: "azure" }),
    "Config meet:recordings.storage.kind in Pulumi.eu.yaml: azure is not one of regional, single, s3-compatible. Choose one of them.",
  ),
  primary(
    "storage as a word",
    storage("single"),
    "Config meet:recordings.storage in Pulumi.eu.yaml: single is not a block of settings. Write one such as { kind: regional }.",
  ),
  primary(
    "a store with a single bucket",
    storage({ kind: "single", default: STORE }),
    "Config meet:recordings.storage.default in Pulumi.eu.yaml: unknown key. Known here: kind.",
  ),
  primary(
    "a store without TLS",
    compatible({ default: { ...STORE, endpoint: "http://garage.example.org:3900" } }),
    "Config meet:recordings.storage.default.endpoint in Pulumi.eu.yaml: http://garage.example.org:3900 is not an https URL without port and path. Write one such as https://s3.fr-par.scw.cloud.",
  ),
  primary(
    "a store without a bucket",
    compatible({ default: { endpoint: STORE.endpoint, region: "fr-par" } }),
    "Config meet:recordings.storage.default.bucket in Pulumi.eu.yaml: missing. Set a bucket's name, such as meet-recordings.",
  ),
  primary(
    "a store's region with a space",
    compatible({ regions: { eu: { ...STORE, region: "fr par" } } }),
    "Config meet:recordings.storage.regions.eu.region in Pulumi.eu.yaml: fr par is not the region that the storage signs for. Write one such as fr-par or garage.",
  ),
  primary(
    "stores as a list",
    compatible({ regions: [STORE] }),
    'Config meet:recordings.storage.regions in Pulumi.eu.yaml: [{"endpoint":"https://s3.fr-par.scw.cloud","region":"fr-par","bucket":"meet"}] is not a block with a store for each region. Write one such as { eu: { endpoint: … } }.',
  ),
  primary(
    "no store for a region",
    compatible({}),
    "Config meet:recordings.storage.default in Pulumi.eu.yaml: missing, and eu has no store under regions. Set a default, or a store for each.",
  ),
  primary(
    "a store for a region that is not there",
    compatible({ default: STORE, regions: { mars: { ...STORE, bucket: "mars" } } }),
    "Config meet:recordings.storage.regions.mars in Pulumi.eu.yaml: there is no stack mars. Choose one of eu.",
  ),
  primary(
    "keys in plain text",
    { ...compatible({ default: STORE }), "meet:storageKeys": "{}" },
    "Config meet:storageKeys in Pulumi.eu.yaml: in plain text. Take it out of the file and of its history, and run pulumi config set --secret meet:storageKeys --stack eu.",
  ),
  primary(
    "keys that nothing uses",
    KEYS,
    "Config meet:storageKeys in Pulumi.eu.yaml: set, but meet:recordings.storage.kind is regional, which has no keys. Remove it.",
  ),
  bad(
    "one bucket for two residency groups",
    { eu: { ...PRIMARY, ...storage({ kind: "single" }) }, us: MEDIA },
    "Config meet:residency in Pulumi.us.yaml: us is not the group eu of the primary, whose bucket takes every region's recordings. Set meet:recordings.storage.kind: regional, or the same group if the law allows it.",
  ),
  bad(
    "one store for two residency groups",
    { eu: { ...PRIMARY, ...compatible({ default: STORE }) }, us: MEDIA },
    "Config meet:recordings.storage.regions.us in Pulumi.eu.yaml: the bucket meet of us (group us) is also that of eu (group eu). Give each group a bucket of its own.",
  ),
];
