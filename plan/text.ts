import Table from "cli-table3";

/** Lines between columns only, so that a table can be read aloud and copied. */
const CHARS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "  ",
  "left-mid": "  ",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
} as const;

/** A table of aligned columns without colour; `right` names the columns of numbers. */
export function table(
  rows: readonly (readonly string[])[],
  options: { readonly head?: readonly string[]; readonly right?: readonly number[] } = {},
): string {
  const width = Math.max(options.head?.length ?? 0, ...rows.map((row) => row.length));
  const right = new Set(options.right ?? []);
  const grid = new Table({
    chars: CHARS,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
    colAligns: Array.from({ length: width }, (_, column) => (right.has(column) ? "right" : "left")),
    ...(options.head === undefined ? {} : { head: [...options.head] }),
  });
  grid.push(...rows.map((row) => [...row]));
  return grid
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .join("\n");
}

/** `$1,234.50`; with a sign where it is a change. */
export function dollars(usd: number, options: { readonly signed?: boolean } = {}): string {
  const text = Math.abs(usd).toLocaleString("en-US", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  const sign = usd < 0 ? "−" : options.signed === true && usd > 0 ? "+" : "";
  return `${sign}$${text}`;
}

/** `3 resources`, `1 resource`. */
export function count(amount: number, noun: string, plural = `${noun}s`): string {
  return `${amount} ${amount === 1 ? noun : plural}`;
}

/** A sentence over several lines of at most 100 columns, the first with a mark, the rest beneath it. */
export function bullet(sentence: string, mark = "  - "): string {
  const indent = " ".repeat(mark.length);
  const lines: string[] = [];
  let current = mark;
  for (const word of sentence.split(" ")) {
    if (current.trim() !== mark.trim() && current.length + word.length + 1 > 100) {
      lines.push(current);
      current = indent + word;
    } else {
      current += current.endsWith(" ") ? word : ` ${word}`;
    }
  }
  return [...lines, current].join("\n");
}
