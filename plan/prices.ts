import { readFileSync } from "node:fs";
import { z } from "zod";

const tableSchema = z.strictObject({
  /** Where the prices were read. */
  source: z.url(),
  date: z.iso.date(),
  /** What one price buys: `hour`, `month`, `GB`, `GB-month`. */
  unit: z.enum(["hour", "month", "GB", "GB-month"]),
  /** An AWS region, or `*` for a price that is the same everywhere. */
  region: z.string().min(1),
  unverified: z.boolean().optional(),
  usd: z.record(z.string(), z.number().nonnegative()),
});

const assumptionsSchema = z.strictObject({
  hoursPerMonth: z.number().positive(),
  /** What one participant receives, on average, in megabits per second. */
  receivedMbps: z.number().nonnegative(),
  /** LiveKit's published benchmark: a meeting of 150 people sending and receiving video on 16 vCPUs. */
  participantsPerVirtualCpu: z.number().positive(),
  /** Meet's default recording preset (suitenumerique/meet docs/features/recording.md). */
  recordingGbPerHour: z.number().nonnegative(),
});

const priceFileSchema = z.strictObject({
  about: z.array(z.string()).optional(),
  assumptions: assumptionsSchema.partial().optional(),
  factors: z
    .strictObject({
      source: z.url(),
      date: z.iso.date(),
      unverified: z.boolean().optional(),
      byRegion: z.record(z.string(), z.number().positive()),
    })
    .optional(),
  tables: z.array(tableSchema).optional(),
});

/** What is taken for granted where a price depends on how people use the fleet. */
export type Assumptions = z.infer<typeof assumptionsSchema>;

/** One price as it applies in one region, and how far it can be trusted. */
export interface Price {
  readonly item: string;
  readonly usd: number;
  readonly unit: "hour" | "month" | "GB" | "GB-month";
  readonly date: string;
  readonly source: string;
  /** Not compared with its source again, or scaled from another region. */
  readonly unverified: boolean;
}

type Row = Price & { readonly region: string };

/** A fault in a price file: one sentence that names the file. */
export class PriceFileError extends Error {}

/** Prices by item and region. */
export class PriceTable {
  readonly assumptions: Assumptions;
  private readonly rows: ReadonlyMap<string, Row>;
  private readonly factors: Readonly<Record<string, number>>;

  constructor(
    rows: readonly Row[],
    factors: Readonly<Record<string, number>>,
    assumptions: Assumptions,
  ) {
    this.rows = new Map(rows.map((row) => [key(row.item, row.region), row]));
    this.factors = factors;
    this.assumptions = assumptions;
  }

  /** The price of an item in a region: its own row, the one that holds everywhere, or us-east-1's times a factor. */
  find(item: string, awsRegion: string): Price | undefined {
    const exact = this.rows.get(key(item, awsRegion)) ?? this.rows.get(key(item, "*"));
    if (exact !== undefined) {
      return exact;
    }
    const base = this.rows.get(key(item, BASE_REGION));
    const factor = this.factors[awsRegion];
    return base === undefined || factor === undefined
      ? undefined
      : { ...base, usd: base.usd * factor, unverified: true };
  }

  /** Whether a region has prices at all; without a factor its machines cannot be counted. */
  knows(awsRegion: string): boolean {
    return awsRegion in this.factors;
  }

  /** The dates of the oldest and the newest row. */
  dates(): { readonly oldest: string; readonly newest: string } {
    const dates = [...this.rows.values()].map((row) => row.date).sort();
    return { oldest: dates[0] ?? "", newest: dates.at(-1) ?? "" };
  }
}

const BASE_REGION = "us-east-1";

function key(item: string, region: string): string {
  return `${item}@${region}`;
}

/**
 * Reads the price table of the repository and, where it is given, a file of the same form whose rows win.
 * @throws PriceFileError when a file cannot be read or has a fault.
 */
export function loadPrices(overrideFile?: string): PriceTable {
  const base = parse(new URL("prices.json", import.meta.url), "plan/prices.json");
  const own = overrideFile === undefined ? {} : parse(overrideFile, overrideFile);
  const assumptions = assumptionsSchema.parse({ ...base.assumptions, ...own.assumptions });
  return new PriceTable(
    [...rowsOf(base), ...rowsOf(own)],
    { ...base.factors?.byRegion, ...own.factors?.byRegion },
    assumptions,
  );
}

function rowsOf(file: z.infer<typeof priceFileSchema>): Row[] {
  return (file.tables ?? []).flatMap(({ usd, source, date, unit, region, unverified }) =>
    Object.entries(usd).map(([item, price]) => ({
      item,
      usd: price,
      unit,
      region,
      date,
      source,
      unverified: unverified ?? false,
    })),
  );
}

function parse(path: string | URL, shown: string): z.infer<typeof priceFileSchema> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PriceFileError(
      `Price file ${shown} cannot be read: ${reason}. Give a file of the form of plan/prices.json.`,
    );
  }
  const result = priceFileSchema.safeParse(content);
  if (!result.success) {
    const faults = result.error.issues
      .map((issue) => `${issue.path.join(".")}: ${issue.message}`)
      .join("; ");
    throw new PriceFileError(
      `Price file ${shown} has faults: ${faults}. Correct them; plan/prices.json shows the form.`,
    );
  }
  return result.data;
}
