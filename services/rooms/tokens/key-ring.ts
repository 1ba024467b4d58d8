import { createHmac } from "node:crypto";
import * as z from "zod";
import type { AdminGrants } from "../livekit/livekit-api.ts";
import type { TokenSigners } from "./each-key.ts";

/** A key of LiveKit's API with its secret. */
export interface ApiKey {
  readonly apiKey: string;
  readonly secret: string;
}

/** A file that may be replaced while the service runs; SecretFile is one. */
export interface ReloadedFile {
  current(): string;
  onChange(listener: () => void): void;
  /** Looks at the file now. */
  reload(): void;
}

/** The two files of one key. */
export interface KeyFiles {
  readonly apiKey: ReloadedFile;
  readonly secret: ReloadedFile;
}

/**
 * LiveKit's API keys: the current one, and the one before while keys are rotated. Follows its files. A key and its
 * secret are replaced by Kubernetes in one step, so all files are read again as soon as one has changed: otherwise the
 * new key would go with the old secret until the next look.
 */
export class KeyRing implements TokenSigners {
  private readonly files: readonly KeyFiles[];
  private keys: readonly ApiKey[];

  constructor(current: KeyFiles, previous?: KeyFiles) {
    this.files = previous === undefined ? [current] : [current, previous];
    this.keys = this.read();
    for (const file of this.allFiles()) {
      file.onChange(() => {
        this.reload();
      });
    }
  }

  /** The key that Meet and LiveKit sign with. */
  current(): ApiKey {
    const [key] = this.keys;
    if (key === undefined) {
      throw new Error("KeyRing: there is no current key. Give the files of one.");
    }
    return key;
  }

  /** All keys, the current one first. */
  all(): readonly ApiKey[] {
    return this.keys;
  }

  /** The secret of a key; undefined for a key that is not, or no longer, one of this deployment. */
  secretOf(apiKey: string): string | undefined {
    return this.keys.find((key) => key.apiKey === apiKey)?.secret;
  }

  /** A token of the gateway's own for LiveKit's server API, signed with the current key. */
  mint(grants: AdminGrants, ttlSeconds: number): string {
    const now = Math.floor(Date.now() / 1000);
    return signed({ nbf: now, exp: now + ttlSeconds, video: grants }, this.current());
  }

  /** @param token one that was verified */
  signedByEach(token: string): readonly string[] {
    const [, payload = ""] = token.split(".");
    const claims = claimsSchema.parse(JSON.parse(Buffer.from(payload, "base64url").toString()));
    return this.keys.map((key) => (key.apiKey === claims.iss ? token : signed(claims, key)));
  }

  private reload(): void {
    for (const file of this.allFiles()) {
      file.reload();
    }
    this.keys = this.read();
  }

  private allFiles(): readonly ReloadedFile[] {
    return this.files.flatMap(({ apiKey, secret }) => [apiKey, secret]);
  }

  private read(): readonly ApiKey[] {
    return this.files.map(({ apiKey, secret }) => ({
      apiKey: apiKey.current(),
      secret: secret.current(),
    }));
  }
}

/** All claims of a token, as they are. */
const claimsSchema = z.looseObject({ iss: z.string() });

function signed(claims: object, { apiKey, secret }: ApiKey): string {
  const header = encoded({ alg: "HS256", typ: "JWT" });
  const payload = encoded({ ...claims, iss: apiKey });
  const signature = createHmac("sha256", secret).update(`${header}.${payload}`);
  return `${header}.${payload}.${signature.digest("base64url")}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
