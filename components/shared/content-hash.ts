import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** Ten hexadecimal digits that change with any name or content in `files`; the order of keys does not matter. */
export function contentHash(files: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256");
  for (const key of Object.keys(files).sort()) {
    const content = files[key] ?? "";
    hash.update(`${key.length}:${key}${Buffer.byteLength(content)}:${content}`);
  }
  return hash.digest("hex").slice(0, 10);
}

/**
 * `<name>-<hash>` of files that may be secret. The name itself is no secret: it is cut to 40 bits of a hash over keys
 * of at least 128 random bits, from which nothing can be guessed; so it may be read in a preview.
 */
export function hashedName(
  name: string,
  files: pulumi.Input<Readonly<Record<string, string>>>,
): pulumi.Output<string> {
  return pulumi.unsecret(pulumi.output(files).apply((known) => `${name}-${contentHash(known)}`));
}
