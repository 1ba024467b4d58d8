/** One thing that is wrong with the configuration: `<what is wrong, with the value>. <What to do.>` */
export interface ConfigFault {
  readonly file: string;
  /** Empty when the fault is of the file as a whole. */
  readonly key: string;
  readonly sentence: string;
}

/** The fault as the user reads it. */
export function faultLine({ file, key, sentence }: ConfigFault): string {
  return `Config ${key === "" ? "" : `${key} `}in ${file}: ${sentence}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Everything that is wrong with the stack files: sorted by file, then by key, each fault once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const unique = new Map(faults.map((fault) => [faultLine(fault), fault]));
    const sorted = [...unique.values()].sort(
      (one, other) =>
        compare(one.file, other.file) ||
        compare(one.key, other.key) ||
        compare(one.sentence, other.sentence),
    );
    super(sorted.map(faultLine).join("\n"));
    this.faults = sorted;
  }
}

/** Number of single-letter edits between two words (Levenshtein). */
function distance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  Array.from(one).forEach((letter, row) => {
    const current = [row + 1];
    Array.from(other).forEach((otherLetter, column) => {
      const above = previous[column + 1] ?? 0;
      const left = current[column] ?? 0;
      const diagonal = previous[column] ?? 0;
      current.push(Math.min(above + 1, left + 1, diagonal + (letter === otherLetter ? 0 : 1)));
    });
    previous = current;
  });
  return previous[other.length] ?? 0;
}

/** The known word a mistyped one most likely meant: at most a third of its letters differ. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({
      candidate,
      edits: distance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((one, other) => one.edits - other.edits || compare(one.candidate, other.candidate));
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(2, Math.floor(word.length / 3))
    ? best.candidate
    : undefined;
}
