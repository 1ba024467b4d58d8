/** Where a command writes: what it found to standard output, how it goes on to standard error. */
export interface Output {
  /** One line of progress. */
  readonly say: (text: string) => void;
  /** The result: as JSON with `--json`, else as text. Once per command. */
  readonly result: (json: unknown, text: string) => void;
}

/** The streams of a process, or of a test. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Writes to the streams; every line of progress begins with the seconds since the start. */
export function createOutput(
  streams: Streams,
  options: { readonly json: boolean; readonly now?: () => number },
): Output {
  const now = options.now ?? (() => Date.now());
  const began = now();
  return {
    say: (text) => {
      const seconds = String(Math.round((now() - began) / 1000)).padStart(4);
      streams.err(`${seconds} s  ${text}\n`);
    },
    result: (json, text) => {
      streams.out(options.json ? `${JSON.stringify(json, null, 2)}\n` : `${text}\n`);
    },
  };
}
