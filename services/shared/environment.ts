import { readFileSync } from "node:fs";
import * as z from "zod";

/** A region's or stack's name: a DNS label. */
export const regionName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be a region's name such as eu");

/** A domain of at least two labels. */
export const domainName = z
  .string()
  .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, "must be a domain such as example.org");

/** An http or https address without credentials in it. */
export const plainUrl = z.string().superRefine((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    context.addIssue({ code: "custom", message: "must begin with http:// or https://" });
  } else if (url.username !== "" || url.password !== "") {
    context.addIssue({ code: "custom", message: "must carry no user name or password" });
  }
});

/** The path of a file that must exist and hold at least `minimum` characters; the value is what is in it. */
export function secretFile(minimum: number): z.ZodType<string, string> {
  return z.string().transform((path, context) => {
    let content: string;
    try {
      content = readFileSync(path, "utf8").trim();
    } catch {
      context.addIssue({ code: "custom", message: `cannot read the file ${path}` });
      return z.NEVER;
    }
    if (content.length < minimum) {
      context.addIssue({
        code: "custom",
        message: `the file ${path} holds fewer than ${minimum} characters`,
      });
      return z.NEVER;
    }
    return content;
  });
}

/** What every service needs. */
export const commonEnvironment = {
  PORT: z.coerce.number().int().min(1).max(65535),
  SHUTDOWN_SECONDS: z.coerce.number().int().min(1).max(600).default(30),
  REGION: regionName,
  DOMAIN: domainName,
};

/** The environment read by a schema, or everything that is wrong with it, by variable. */
export type Environment<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Reads the environment by a schema. The faults name variables and files, never a value read from a file. */
export function readEnvironment<T>(
  schema: z.ZodType<T>,
  environment: Readonly<Record<string, string | undefined>>,
): Environment<T> {
  const result = schema.safeParse(environment);
  if (result.success) {
    return { ok: true, value: result.data };
  }
  const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  return { ok: false, faults };
}
