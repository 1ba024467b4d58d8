import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes the pair of keys with which the API server signs and checks service-account tokens. */
export function writeServiceAccountKeys(folder: string): { private: string; public: string } {
  const keys = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const paths = { private: join(folder, "accounts.key"), public: join(folder, "accounts.pub") };
  writeFileSync(paths.private, keys.privateKey, { mode: 0o600 });
  writeFileSync(paths.public, keys.publicKey);
  return paths;
}
