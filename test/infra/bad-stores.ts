import { bad, MEDIA, PRIMARY, primary, STANDBY, type BadConfiguration } from "./fleet-samples.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const EXTERNAL = { kind: "external", databaseAuthority: CERTIFICATE };
const URLS = {
  "meet:databaseUrl": { secure: "v1:abc" },
  "meet:valkeyUrl": { secure: "v1:abc" },
};
const external = (more: object = {}) => ({ ...URLS, "meet:stores": { ...EXTERNAL, ...more } });
const ACTIVE = { ...STANDBY, "meet:role": "active", "meet:databaseUrl": { secure: "v1:abc" } };

/** Faults of who runs Meet's database and Valkey. */
export const BAD_STORES: readonly BadConfiguration[] = [
  primary(
    "an unknown kind of stores",
    { "meet:stores": { kind: "aurora" } },
    "Config meet:stores.kind in Pulumi.eu.yaml: aurora is not one of managed, external. Choose one of them.",
  ),
  primary(
    "an external database whose certificate nothing verifies",
    { ...URLS, "meet:stores": { kind: "external" } },
    "Config meet:stores.databaseAuthority in Pulumi.eu.yaml: missing. Set the certificates that sign the database's, as PEM, such as -----BEGIN CERTIFICATE----- ….",
  ),
  primary(
    "an external database on port 0",
    external({ databasePort: 0 }),
    "Config meet:stores.databasePort in Pulumi.eu.yaml: 0 is not a whole number from 1 to 65535. Choose one within these bounds.",
  ),
  primary(
    "settings of a database that is not made",
    { ...external(), "meet:database": { storageGib: 100 } },
    "Config meet:database in Pulumi.eu.yaml: without effect: meet:stores.kind in Pulumi.eu.yaml is external, so there is none of ours. Remove it.",
  ),
  primary(
    "a database's address that nothing uses",
    { "meet:databaseUrl": { secure: "v1:abc" } },
    "Config meet:databaseUrl in Pulumi.eu.yaml: set, but meet:stores.kind in Pulumi.eu.yaml is managed, which has no address of yours. Remove it.",
  ),
  primary(
    "a database's address in plain text",
    { ...external(), "meet:databaseUrl": "postgresql://meet:x@db.example.org/meet" },
    "Config meet:databaseUrl in Pulumi.eu.yaml: in plain text. Take it out of the file and of its history, and run pulumi config set --secret meet:databaseUrl --stack eu.",
  ),
  bad(
    "an active region on a database of ours",
    { eu: PRIMARY, de: { ...STANDBY, "meet:role": "active" } },
    "Config meet:role in Pulumi.de.yaml: active, but meet:stores.kind in Pulumi.eu.yaml is managed, and a database of ours is written in one region. Set meet:role: standby, or meet:stores.kind: external with stores of your own.",
  ),
  bad(
    "a standby of a database that is not ours",
    { eu: { ...PRIMARY, ...external() }, de: STANDBY },
    "Config meet:role in Pulumi.de.yaml: standby, but meet:stores.kind in Pulumi.eu.yaml is external, and a database that we do not run has no replica of ours. Set meet:role: active, or media.",
  ),
  bad(
    "a Valkey of its own in an active region, where lobbies and sessions would split",
    {
      eu: { ...PRIMARY, ...external() },
      de: { ...ACTIVE, "meet:valkeyUrl": { secure: "v1:abc" } },
    },
    "Config meet:valkeyUrl in Pulumi.de.yaml: set for the whole fleet, but de is not the primary. Move it to Pulumi.eu.yaml.",
  ),
  bad(
    "a database's address in a media region",
    { eu: { ...PRIMARY, ...external() }, us: { ...MEDIA, "meet:databaseUrl": { secure: "v1:a" } } },
    "Config meet:databaseUrl in Pulumi.us.yaml: set for the whole fleet, but us is not the primary. Move it to Pulumi.eu.yaml.",
  ),
  bad(
    "an active region of another residency group",
    { eu: { ...PRIMARY, ...external() }, us: { ...ACTIVE, "aws:region": "us-east-1" } },
    "Config meet:residency in Pulumi.us.yaml: us is not the group eu of the primary eu, with which an active region shares database, Valkey and bucket. Set the same group in both files if the law allows it, or make us a media region.",
  ),
];
