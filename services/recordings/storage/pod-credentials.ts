import { readFile } from "node:fs/promises";
import * as z from "zod";
import { NoAnswer, type Outbound } from "../outbound.ts";
import { NoCredentials, type Credentials, type CredentialSource } from "./credentials.ts";

/** The agent's answer (AWS SDKs and Tools Reference Guide, "Container credential provider"). */
const answerSchema = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().min(1),
  Expiration: z.iso.datetime({ offset: true }),
});

interface Held {
  readonly credentials: Credentials;
  readonly expiresMs: number;
}

const TIMEOUT_MS = 3000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Milliseconds before the end, beyond a link's life, at which new ones are asked for. */
const SPARE_MS = 10 * 60_000;

/** Milliseconds after a failure until the agent is asked again, while the old ones still serve. */
const PAUSE_MS = 10_000;

/**
 * The pod's role by EKS Pod Identity: the agent on the node gives out credentials of some hours for the token in a file,
 * which the kubelet replaces. A link dies with the session that signed it, so they are renewed while they are still good
 * for longer than a link.
 */
export class PodCredentials implements CredentialSource {
  private readonly url: string;
  private readonly tokenFile: string;
  private readonly linkMs: number;
  private readonly outbound: Outbound;
  private readonly nowMs: () => number;
  private held: Held | undefined;
  private asking: Promise<Held> | undefined;
  private pausedUntilMs = 0;

  constructor(parts: {
    /** AWS_CONTAINER_CREDENTIALS_FULL_URI */
    readonly url: string;
    /** AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE */
    readonly tokenFile: string;
    readonly linkSeconds: number;
    readonly outbound: Outbound;
    readonly nowMs?: () => number;
  }) {
    this.url = parts.url;
    this.tokenFile = parts.tokenFile;
    this.linkMs = parts.linkSeconds * 1000;
    this.outbound = parts.outbound;
    this.nowMs = parts.nowMs ?? (() => Date.now());
  }

  async current(): Promise<Credentials> {
    const now = this.nowMs();
    const { held } = this;
    if (held !== undefined && held.expiresMs - now > this.linkMs + SPARE_MS) {
      return held.credentials;
    }
    if (held !== undefined && held.expiresMs > now && now < this.pausedUntilMs) {
      return held.credentials;
    }
    try {
      return (await this.renewed()).credentials;
    } catch (error) {
      this.pausedUntilMs = now + PAUSE_MS;
      // A link may then live shorter than it says, which is better than none.
      if (held !== undefined && held.expiresMs > this.nowMs()) {
        return held.credentials;
      }
      throw error;
    }
  }

  /** Unix time in seconds at which the held ones end; undefined while there are none. */
  expiry(): number | undefined {
    return this.held === undefined ? undefined : this.held.expiresMs / 1000;
  }

  /** Many callers, one question. */
  private renewed(): Promise<Held> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async ask(): Promise<Held> {
    const answer = await this.answered();
    if (answer.status !== 200) {
      throw new NoCredentials(`the agent answered ${answer.status}`);
    }
    const parsed = answerSchema.safeParse(json(answer.body));
    if (!parsed.success) {
      throw new NoCredentials("the agent's answer is no credentials");
    }
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = parsed.data;
    this.held = {
      credentials: {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: Token,
      },
      expiresMs: Date.parse(Expiration),
    };
    return this.held;
  }

  private async answered(): Promise<{ readonly status: number; readonly body: string }> {
    let token: string;
    try {
      token = (await readFile(this.tokenFile, "utf8")).trim();
    } catch {
      throw new NoCredentials(`cannot read the file ${this.tokenFile}`);
    }
    try {
      return await this.outbound.read(
        {
          method: "GET",
          url: this.url,
          headers: { authorization: token, accept: "application/json" },
          timeoutMs: TIMEOUT_MS,
        },
        MAX_ANSWER_BYTES,
      );
    } catch (error) {
      if (error instanceof NoAnswer) {
        throw new NoCredentials(`the agent did not answer (${error.message})`);
      }
      throw error;
    }
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
