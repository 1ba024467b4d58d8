import { readFileSync, statSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { Reader, type CountryResponse } from "mmdb-lib";

/** Milliseconds between two looks at whether the database was replaced. */
const POLL_MS = 60_000;

/** What edges say of addresses without a country (Cloudflare's documentation of CF-IPCountry). */
const NO_COUNTRY: ReadonlySet<string> = new Set(["XX", "T1"]);

/** A database of countries by address, in MaxMind's format; read anew when the file is replaced. */
export class CountryDatabase {
  private readonly path: string;
  private readonly onFault: (reason: string) => void;
  private reader: Reader<CountryResponse> | undefined;
  private stamp = "";
  private timer: NodeJS.Timeout | undefined;

  /** `onFault` is told of a file that cannot be read; what was read before goes on holding. */
  constructor(path: string, onFault: (reason: string) => void) {
    this.path = path;
    this.onFault = onFault;
    this.reload();
  }

  /** The country of an address, undefined where it is not known. */
  countryOf(address: string): string | undefined {
    try {
      return this.reader?.get(address)?.country?.iso_code;
    } catch {
      // No address, or a file that broke in the middle.
      return undefined;
    }
  }

  /** Looks at the file every minute from now on. */
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
    try {
      const { mtimeMs, size, ino } = statSync(this.path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp !== this.stamp) {
        this.stamp = stamp;
        this.reader = new Reader<CountryResponse>(readFileSync(this.path));
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown";
      this.onFault(`Country database "${this.path}": it cannot be read (${reason}).`);
    }
  }
}

/** The country of whoever makes a request: by the header of a trusted edge, else by the database, else unknown. */
export class Countries {
  private readonly header: string | undefined;
  private readonly database: Pick<CountryDatabase, "countryOf"> | undefined;

  constructor(
    header: string | undefined,
    database: Pick<CountryDatabase, "countryOf"> | undefined,
  ) {
    this.header = header;
    this.database = database;
  }

  /** Two capital letters, or undefined. */
  countryOf(headers: IncomingHttpHeaders, address: string): string | undefined {
    const named = this.header === undefined ? undefined : headers[this.header];
    if (typeof named === "string" && /^[A-Z]{2}$/.test(named) && !NO_COUNTRY.has(named)) {
      return named;
    }
    return this.database?.countryOf(address);
  }
}
