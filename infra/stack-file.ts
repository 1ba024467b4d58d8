import { isMap, parseDocument, type YAMLError } from "yaml";
import type { z } from "zod";
import { findAwsRegion } from "./aws-regions.ts";
import type { Role, Size } from "./config.ts";
import type { ConfigFault } from "./config-faults.ts";
import { ENCRYPTED, SENTENCE_BREAK, mismatch, show, unknownKey } from "./config-fields.ts";
import { outlineFields } from "./stack-schema.ts";

/** One stack file, read but not yet checked against the schema. */
export interface StackFile {
  readonly file: string;
  readonly stack: string;
  /** The `config:` block; encrypted values are the symbol ENCRYPTED. */
  readonly config: ReadonlyMap<string, unknown>;
}

/** What the checks between files need of each; a part that is wrong is left out, so that it hides no other fault. */
export interface Outline extends StackFile {
  readonly role?: Role;
  readonly size: Size;
  readonly awsRegion?: string;
  readonly residency?: string;
  readonly networkCidr?: string;
}

/** Keys Pulumi itself writes at the top of a stack file (pulumi/pulumi, sdk/go/common/workspace ProjectStack). */
const PULUMI_KEYS = ["config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment"];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hideSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(hideSecrets);
  }
  if (!isRecord(value)) {
    return value;
  }
  const entries = Object.entries(value);
  return entries.length === 1 && entries[0]?.[0] === "secure"
    ? ENCRYPTED
    : Object.fromEntries(entries.map(([key, inner]) => [key, hideSecrets(inner)]));
}

function yamlFault(error: YAMLError): string {
  const line = error.linePos?.[0].line ?? 1;
  if (error.code === "DUPLICATE_KEY") {
    return `line ${line} repeats a key of its block. Keep one of the two.`;
  }
  const what = error.message.split(" at line ")[0] ?? error.code;
  return `line ${line} is no YAML (${what}). Correct it; blocks are indented by spaces.`;
}

/** Reads one file; what is wrong with it as a whole goes to `faults`, and nothing comes back. */
export function readStackFile(
  file: string,
  source: string,
  faults: ConfigFault[],
): StackFile | undefined {
  const stack = file.replace(/^Pulumi\./, "").replace(/\.ya?ml$/, "");
  const fault = (sentence: string, key = "") => {
    faults.push({ file, key, sentence });
  };
  if (file.endsWith(".yml")) {
    fault(`it ends in .yml. Rename it to Pulumi.${stack}.yaml.`);
    return undefined;
  }
  if (!/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/.test(stack)) {
    fault(
      `${stack} is no name for a stack, because it becomes part of host names. Use at most 20 lower-case letters, digits and hyphens, a letter first.`,
    );
  }
  const document = parseDocument(source, { prettyErrors: true, version: "1.2" });
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      fault(yamlFault(error));
    }
    return undefined;
  }
  const root: unknown = document.toJS({ maxAliasCount: -1 });
  if (root === null || root === undefined) {
    fault("empty. Write config: with aws:region and meet:network under it.");
    return undefined;
  }
  if (!isMap(document.contents) || !isRecord(root)) {
    fault(`${show(root)} is not a block of settings. Write config: and the keys under it.`);
    return undefined;
  }
  for (const key of Object.keys(root).filter((each) => !PULUMI_KEYS.includes(each))) {
    fault(
      key.includes(":")
        ? "stands outside config:. Indent it under config:."
        : unknownKey(key, PULUMI_KEYS),
      key,
    );
  }
  const config: unknown = root["config"] ?? {};
  if (!isRecord(config)) {
    fault(`config: ${mismatch(config, "a block of settings", "aws:region: eu-west-3")}`);
    return undefined;
  }
  return {
    file,
    stack,
    config: new Map(Object.entries(config).map(([key, value]) => [key, hideSecrets(value)])),
  };
}

function part<Value>(schema: z.ZodType<Value>, value: unknown): Value | undefined {
  return schema.safeParse(value).data;
}

/** The parts of a file that other files are compared with. */
export function outlineOf(stackFile: StackFile): Outline {
  const { config } = stackFile;
  const network = config.get("meet:network");
  const role = part(outlineFields.role, config.get("meet:role"));
  const networkCidr = part(
    outlineFields.networkCidr,
    isRecord(network) ? network["cidr"] : undefined,
  );
  const awsRegion = config.get("aws:region");
  const facts = typeof awsRegion === "string" ? findAwsRegion(awsRegion) : undefined;
  const residency = config.has("meet:residency")
    ? part(outlineFields.residency, config.get("meet:residency"))
    : facts?.residency;
  return {
    ...stackFile,
    size: part(outlineFields.size, config.get("meet:size")) ?? "medium",
    ...(role === undefined ? {} : { role }),
    ...(facts === undefined ? {} : { awsRegion: facts.name }),
    ...(residency === undefined ? {} : { residency }),
    ...(networkCidr === undefined ? {} : { networkCidr }),
  };
}

function keyOf(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`,
    )
    .join("");
}

/** Checks a file's values against a schema whose keys are those of the file; faults are collected. */
export function parseConfig<Value>(
  schema: z.ZodType<Value>,
  { file, config }: StackFile,
  faults: ConfigFault[],
): Value | undefined {
  const result = schema.safeParse(Object.fromEntries(config));
  for (const issue of result.error?.issues ?? []) {
    const sentences = issue.message.split(SENTENCE_BREAK);
    if (issue.code === "unrecognized_keys") {
      issue.keys.forEach((key, index) =>
        faults.push({
          file,
          key: keyOf([...issue.path, key]),
          sentence: sentences[index] ?? issue.message,
        }),
      );
    } else {
      faults.push({ file, key: keyOf(issue.path), sentence: issue.message });
    }
  }
  return result.data;
}
