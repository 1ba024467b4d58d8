import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { setSecret } from "../../fleet/pulumi-secret.ts";

const folder = mkdtempSync(join(tmpdir(), "meet-secret-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A pulumi that writes down how it was called, and then does this. */
function engine(then: string): string {
  const path = join(folder, "pulumi");
  writeFileSync(
    path,
    `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/arguments\ncat > ${folder}/input\n${then}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

const SECRET = { stack: "us", key: "meet:sharedSecrets", value: 'the-secret-\\n"é"' };

it("gives the value to the engine by standard input, and no argument shows it", async () => {
  await setSecret(folder, SECRET, engine("exit 0"));
  const words = readFileSync(join(folder, "arguments"), "utf8").trim().split("\n");
  expect(words).toEqual([
    ...["config", "set", "meet:sharedSecrets", "--stack", "us", "--secret", "--non-interactive"],
  ]);
  expect(readFileSync(join(folder, "input"), "utf8")).toBe(`${SECRET.value}\n`);
});

it("says what the engine said, without the value", async () => {
  const program = engine("echo 'error: passphrase must be set' >&2; exit 255");
  await expect(setSecret(folder, SECRET, program)).rejects.toThrow(
    'Stack "us": the engine could not set meet:sharedSecrets (error: passphrase must be set). Remove the cause.',
  );
});

it("says that there is no engine", async () => {
  await expect(setSecret(folder, SECRET, join(folder, "none"))).rejects.toThrow(
    /ENOENT\)\. Put pulumi on the PATH, or run script\/setup\./,
  );
});
