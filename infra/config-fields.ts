import { z } from "zod";
import { nearest } from "./config-faults.ts";
import { parseRange } from "./cidr.ts";

/** Stands for a value that is encrypted in its file (`{ secure: … }`); its text is never read here. */
export const ENCRYPTED = Symbol("encrypted");

interface Issue {
  readonly code?: string | undefined;
  readonly input?: unknown;
}

function withoutSecrets(_key: string, value: unknown): unknown {
  return value === ENCRYPTED ? "[secret]" : value;
}

/** A value as it is quoted in a sentence. */
export function show(value: unknown): string {
  const text =
    typeof value === "string" && value !== "" ? value : JSON.stringify(value, withoutSecrets);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The sentence about a value that has not the expected form. */
export function mismatch(input: unknown, form: string, example: string): string {
  if (input === undefined) {
    return `missing. Set ${form}, such as ${example}.`;
  }
  if (input === null) {
    return `empty. Set ${form}, such as ${example}.`;
  }
  if (input === ENCRYPTED) {
    return `encrypted, but not a secret. Write it in plain: ${form}, such as ${example}.`;
  }
  return `${show(input)} is not ${form}. Write one such as ${example}.`;
}

/** Text; `fault` says what is wrong with a value, or nothing. */
export function text(
  form: string,
  example: string,
  isRight: RegExp | ((value: string) => boolean),
): z.ZodString {
  const matches = (value: string) =>
    isRight instanceof RegExp ? isRight.test(value) : isRight(value);
  const error = ({ input }: Issue): string =>
    typeof input === "number"
      ? `${show(input)} is a number here, not text. Put it in quotes: "${show(input)}".`
      : mismatch(input, form, example);
  return z.string({ error }).refine(matches, { error });
}

/** A whole number within bounds. */
export function whole(from: number, to: number): z.ZodNumber {
  const form = `a whole number from ${from} to ${to}`;
  const error = ({ input }: Issue): string => {
    if (typeof input === "string" && /^\d+$/.test(input)) {
      return `"${input}" is text, not a number. Write it without quotes: ${input}.`;
    }
    return typeof input === "number"
      ? `${input} is not ${form}. Choose one within these bounds.`
      : mismatch(input, form, String(from));
  };
  return z.number({ error }).int({ error }).min(from, { error }).max(to, { error });
}

/** Yes or no. */
export function flag(): z.ZodBoolean {
  return z.boolean({ error: ({ input }) => mismatch(input, "true or false", "true") });
}

/** One of a few words; a mistyped one gets its nearest as advice. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word, Word> {
  const list = words.join(", ");
  return z.enum(words, {
    error: ({ input }) => {
      if (typeof input !== "string") {
        return mismatch(input, `one of ${list}`, words[0] ?? list);
      }
      const meant = nearest(input, words);
      const advice = meant === undefined ? "Choose one of them." : `Did you mean ${meant}?`;
      return `${show(input)} is not one of ${list}. ${advice}`;
    },
  });
}

/** A list of values. */
export function listOf<Item extends z.ZodType>(item: Item, form: string): z.ZodArray<Item> {
  return z.array(item, {
    error: ({ input }) =>
      `${input === null ? "empty, which" : show(input)} is not a list of ${form}. Write each on a line of its own, after a hyphen.`,
  });
}

/** Separates the sentences about several unknown keys of one section: see `toFaults` in stack-file.ts. */
export const SENTENCE_BREAK = "\n";

/** The advice for a key that is not known. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return meant === undefined
    ? `unknown key. Known here: ${[...known].sort().join(", ")}.`
    : `unknown key. Did you mean ${meant}?`;
}

/** A block of settings that knows all its keys. */
export function section<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => unknownKey(key, known)).join(SENTENCE_BREAK)
        : mismatch(issue.input, "a block of settings", `{ ${known[0] ?? ""}: … }`),
  });
}

/** The error of a union whose branch is chosen by one key. */
export function chosenBy(
  key: string,
  choices: readonly string[],
): (issue: { readonly code?: string | undefined; readonly input?: unknown }) => string {
  return ({ code, input }) => {
    const isBlock = typeof input === "object" && input !== null && !Array.isArray(input);
    if (code !== "invalid_union" || !isBlock) {
      return mismatch(input, "a block of settings", `{ ${key}: ${choices[0] ?? ""} }`);
    }
    const chosen: unknown = Object.entries(input).find(([name]) => name === key)?.[1];
    const form = `one of ${choices.join(", ")}`;
    return chosen === undefined || chosen === null
      ? mismatch(chosen, form, choices[0] ?? "")
      : `${show(chosen)} is not ${form}. Choose one of them.`;
  };
}

/** `min` must not exceed `max`; the fault is reported at `min`. */
export function ordered(min: string, max: string) {
  return (value: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx): void => {
    const low = value[min];
    const high = value[max];
    if (typeof low === "number" && typeof high === "number" && low > high) {
      context.addIssue({
        code: "custom",
        path: [min],
        message: `${low} is more than ${max} ${high}. Lower ${min} or raise ${max}.`,
      });
    }
  };
}

/** A host name of at least two labels, in lower case and without a final dot (RFC 1035). */
export function isDomain(value: string): boolean {
  return (
    value.length <= 253 &&
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/.test(value)
  );
}

/** A domain name. */
export const domainField = () => text("a domain name in lower case", "example.org", isDomain);

/** A mailbox. */
export const emailField = () =>
  text("a mail address", "meet@example.org", (value) => {
    const [mailbox, domain, ...rest] = value.split("@");
    return /^[^\s<>"]+$/.test(mailbox ?? "") && isDomain(domain ?? "") && rest.length === 0;
  });

/** An address that is only reached over TLS. */
export const httpsField = () =>
  text(
    "an https URL without user, password or fragment",
    "https://id.example.org/token",
    (value) => {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      return (
        url?.protocol === "https:" && url.username === "" && url.password === "" && url.hash === ""
      );
    },
  );

/** A version that names one image for ever; with `@sha256:…` it names its bytes. */
export const versionField = (example: string) =>
  text(
    "an exact version (no latest, no range)",
    example,
    /^v?\d+\.\d+\.\d+([-.][A-Za-z0-9][A-Za-z0-9.-]*)?(@sha256:[0-9a-f]{64})?$/,
  );

/** A version without digest: one tag that names several images, which have a digest each. */
export const tagField = (example: string) =>
  text(
    "an exact version (no latest, no range, no digest)",
    example,
    /^v?\d+\.\d+\.\d+([-.][A-Za-z0-9][A-Za-z0-9.-]*)?$/,
  );

/** An IPv4 range. */
export const rangeField = (example: string) =>
  text("an IPv4 range", example, (value) => parseRange(value) !== undefined);
