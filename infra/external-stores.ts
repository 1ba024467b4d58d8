import { RDS_CA_PATH } from "../components/postgres/connection-url.ts";
import { fleetSchema } from "./fleet-schema.ts";
import type { Outline } from "./stack-file.ts";
import type { StoresConfig } from "./stores-schema.ts";

type External = Extract<StoresConfig, { readonly kind: "external" }>;

type Report = (outline: Outline, key: string, sentence: string) => void;

/** Settings of what is not made where the stores are external. */
const MANAGED_KEYS = ["meet:database", "meet:meetValkey"];

/** The secrets that lead to external stores: the database's of each region that runs Meet, the Valkey's of the primary. */
export const DATABASE_URL_KEY = "meet:databaseUrl";
export const VALKEY_URL_KEY = "meet:valkeyUrl";

/** What is wrong between who runs the stores and the roles of the regions. */
export function checkStores(primary: Outline, outlines: readonly Outline[], report: Report): void {
  const stores = fleetSchema.shape["meet:stores"].safeParse(primary.config.get("meet:stores")).data;
  if (stores === undefined) {
    return;
  }
  for (const outline of outlines) {
    if (stores.kind === "external") {
      checkExternal(outline, primary, report);
    } else {
      checkManaged(outline, primary, report);
    }
  }
}

function checkExternal(outline: Outline, primary: Outline, report: Report): void {
  const { role, stack, config, residency } = outline;
  if (role === "standby" || role === "fenced") {
    report(
      outline,
      "meet:role",
      `${role}, but meet:stores.kind in ${primary.file} is external, and a database that we do not run has no replica of ours. Set meet:role: active, or media.`,
    );
  }
  if (
    role === "active" &&
    residency !== undefined &&
    primary.residency !== undefined &&
    residency !== primary.residency
  ) {
    report(
      outline,
      "meet:residency",
      `${residency} is not the group ${primary.residency} of the primary ${primary.stack}, with which an active region shares database, Valkey and bucket. Set the same group in both files if the law allows it, or make ${stack} a media region.`,
    );
  }
  for (const key of MANAGED_KEYS.filter((each) => config.has(each))) {
    report(
      outline,
      key,
      `without effect: meet:stores.kind in ${primary.file} is external, so there is none of ours. Remove it.`,
    );
  }
  if (outline === primary && config.has("meet:promotion")) {
    report(
      outline,
      "meet:promotion",
      "set, but meet:stores.kind is external, and nothing is promoted there. Remove it.",
    );
  }
}

function checkManaged({ ...outline }: Outline, primary: Outline, report: Report): void {
  if (outline.role === "active") {
    report(
      outline,
      "meet:role",
      `active, but meet:stores.kind in ${primary.file} is managed, and a database of ours is written in one region. Set meet:role: standby, or meet:stores.kind: external with stores of your own.`,
    );
  }
  for (const key of [DATABASE_URL_KEY, VALKEY_URL_KEY].filter((each) => outline.config.has(each))) {
    report(
      outline,
      key,
      `set, but meet:stores.kind in ${primary.file} is managed, which has no address of yours. Remove it.`,
    );
  }
}

/**
 * Meet's `DATABASE_URL` from the user's: certificate and host name are verified whatever he wrote, with the authority
 * that his configuration names (PostgreSQL documentation, libpq-ssl). Faults never hold a value.
 */
export function databaseUrlOf(
  source: string,
  stores: External,
): { readonly url: string } | { readonly faults: readonly string[] } {
  const form = `postgresql://user:password@host:${stores.databasePort}/database`;
  const read = readUrl(source, ["postgresql:", "postgres:"], stores.databasePort, 5432, form);
  if ("faults" in read) {
    return read;
  }
  const { url } = read;
  const faults = [
    ...(url.pathname.length < 2 ? [`it names no database. Write ${form}.`] : []),
    ...(["sslmode", "sslrootcert"].some((key) => url.searchParams.has(key))
      ? [
          "it has sslmode or sslrootcert, which are always verify-full and meet:stores.databaseAuthority. Leave them out.",
        ]
      : []),
  ];
  if (faults.length > 0) {
    return { faults };
  }
  url.searchParams.set("sslmode", "verify-full");
  url.searchParams.set("sslrootcert", RDS_CA_PATH);
  return { url: url.href };
}

/** Meet's Valkey from the user's address; TLS only. Faults never hold a value. */
export function valkeyUrlOf(
  source: string,
  stores: External,
): { readonly url: string } | { readonly faults: readonly string[] } {
  const form = `rediss://user:password@host:${stores.valkeyPort}`;
  const read = readUrl(source, ["rediss:"], stores.valkeyPort, 6379, form);
  if ("faults" in read) {
    return read;
  }
  // Meet uses two databases of it by number, and certificates are always verified.
  return !/^\/?$/.test(read.url.pathname) || read.url.search !== ""
    ? { faults: [`it has a path or a query, which Meet's settings replace. Write ${form}.`] }
    : { url: read.url.href };
}

function readUrl(
  source: string,
  protocols: readonly string[],
  port: number,
  usualPort: number,
  form: string,
): { readonly url: URL } | { readonly faults: readonly string[] } {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url === undefined) {
    return { faults: [`no URL. Write ${form}.`] };
  }
  const own = Number(url.port === "" ? usualPort : url.port);
  const faults = [
    ...(protocols.includes(url.protocol)
      ? []
      : [`its scheme is ${url.protocol.slice(0, -1)}. Write ${form}.`]),
    ...(url.hostname === "" ? [`it names no host. Write ${form}.`] : []),
    ...(url.password === "" ? [`it has no password. Write ${form}.`] : []),
    ...(own === port
      ? []
      : [
          `its port is ${own}, and meet:stores says ${port}. Make them alike: pods are let out by it.`,
        ]),
  ];
  return faults.length > 0 ? { faults } : { url };
}
