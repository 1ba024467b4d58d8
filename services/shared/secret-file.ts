import { readFileSync } from "node:fs";

/** Milliseconds between two looks: a mounted Secret is replaced by a link, which no file watcher sees reliably. */
const POLL_MS = 5000;

/** A file's content, or why there is none. Never with a word of the content. */
export type OpenedSecret =
  | { readonly ok: true; readonly value: SecretFile }
  | { readonly ok: false; readonly fault: string };

/** A secret in a file, which may be replaced while the service runs. A file that has become unusable changes nothing. */
export class SecretFile {
  readonly path: string;
  private readonly minimum: number;
  private content: string;
  private readonly listeners = new Set<(content: string) => void>();
  private timer: NodeJS.Timeout | undefined;

  private constructor(path: string, minimum: number, content: string) {
    this.path = path;
    this.minimum = minimum;
    this.content = content;
  }

  /** Reads the file, which must hold at least `minimum` characters. */
  static open(path: string, minimum: number): OpenedSecret {
    const content = read(path);
    if (content === undefined) {
      return { ok: false, fault: `cannot read the file ${path}` };
    }
    if (content.length < minimum) {
      return { ok: false, fault: `the file ${path} holds fewer than ${minimum} characters` };
    }
    return { ok: true, value: new SecretFile(path, minimum, content) };
  }

  /** The content as last read, without white space around it. */
  current(): string {
    return this.content;
  }

  /** Called with each new content. */
  onChange(listener: (content: string) => void): void {
    this.listeners.add(listener);
  }

  /** Looks at the file every five seconds from now on. */
  watch(): void {
    this.timer ??= setInterval(() => {
      this.reload();
    }, POLL_MS).unref();
  }

  /** Ends that. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Looks at the file now. */
  reload(): void {
    const content = read(this.path);
    if (content === undefined || content.length < this.minimum || content === this.content) {
      return;
    }
    this.content = content;
    for (const listener of this.listeners) {
      listener(content);
    }
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
