import { readFileSync } from "node:fs";
import * as z from "zod";
import { commonEnvironment, plainUrl, readEnvironment, regionName } from "../shared/environment.ts";
import type { Environment } from "../shared/environment.ts";
import { LOG_LEVELS } from "../shared/log.ts";
import { SecretFile } from "../shared/secret-file.ts";

/** A secret's file that must be readable and long enough at start, and is looked at again while the service runs. */
function secretFile(
  minimum: number,
  shape?: RegExp,
  shapeSaid = "",
): z.ZodType<SecretFile, string> {
  return z.string().transform((path, context) => {
    const file = SecretFile.open(path, minimum);
    if (!file.ok) {
      context.addIssue({ code: "custom", message: file.fault });
      return z.NEVER;
    }
    if (shape?.test(file.value.current()) === false) {
      context.addIssue({ code: "custom", message: shapeSaid });
      return z.NEVER;
    }
    return file.value;
  });
}

/** A file that must be readable at start; the value is its path. */
const readableFile = z.string().superRefine((path, context) => {
  try {
    readFileSync(path);
  } catch {
    context.addIssue({ code: "custom", message: `cannot read the file ${path}` });
  }
});

/** A variable that holds JSON. */
function json<T>(schema: z.ZodType<T>): z.ZodType<T, string> {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "must be JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** A room's name, or its beginning followed by `*`. */
const roomPattern = z
  .string()
  .regex(/^[^*]{0,512}\*?$/, "must be a room's name, or the beginning of one followed by *")
  .min(1);

const countryCode = z.string().regex(/^[A-Z]{2}$/, "must be two capital letters such as DE");

const placementRuleSchema = z.union(
  [
    z.strictObject({ rooms: z.array(roomPattern).min(1), region: regionName }),
    z.strictObject({ countries: z.array(countryCode).min(1), region: regionName }),
  ],
  { error: "must be { rooms: [...], region } or { countries: [...], region }" },
);
/** Where the deployment wants some rooms, or the rooms of some countries. */
export type PlacementRule = z.output<typeof placementRuleSchema>;

const rate = (perMinute: number): z.ZodType<number> =>
  z.coerce.number().int().min(1).max(1_000_000).default(perMinute);

const fileVariables = {
  VALKEY_URL_FILE: secretFile(
    10,
    /^rediss?:\/\//,
    "the file must hold an address that begins with redis:// or rediss://",
  ),
  VALKEY_CA_FILE: readableFile.optional(),
  LIVEKIT_API_KEY_FILE: secretFile(1),
  LIVEKIT_API_SECRET_FILE: secretFile(32),
  LIVEKIT_PREVIOUS_API_KEY_FILE: secretFile(1).optional(),
  LIVEKIT_PREVIOUS_API_SECRET_FILE: secretFile(32).optional(),
  PEER_SECRET_FILE: secretFile(32),
  PEER_PREVIOUS_SECRET_FILE: secretFile(32).optional(),
  OPERATOR_SECRET_FILE: secretFile(32),
  OPERATOR_PREVIOUS_SECRET_FILE: secretFile(32).optional(),
  GEOIP_DATABASE_FILE: readableFile.optional(),
};

/** Everything that the environment says to the gateway. */
export const environmentSchema = z
  .object({
    ...commonEnvironment,
    PRIMARY_REGION: regionName,
    /** Grows with each promotion; the region of the highest one is the primary, whatever others were told. */
    PRIMARY_EPOCH: z.coerce.number().int().min(1).default(1),
    STANDBY_REGION: regionName.optional(),
    LIVEKIT_URL: plainUrl,
    MEET_URL: plainUrl,
    ...fileVariables,
    METRICS_PORT: z.coerce.number().int().min(1).max(65535).default(9090),
    LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
    /** Addresses of other regions' gateways, where there is no DNS: tests and the rehearsal. */
    PEER_URLS: json(z.record(regionName, plainUrl)).optional(),
    /** Where Egress writes: to its region's bucket, or to where each request says. */
    EGRESS_STORAGE: z.enum(["regional", "request"]).default("regional"),
    PLACEMENT_RULES: json(z.array(placementRuleSchema)).optional(),
    /** Header in which a trusted edge names the country, such as cf-ipcountry. */
    COUNTRY_HEADER: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, "must be a header's name in small letters")
      .optional(),
    /** Regions from the nearest on, this one left out or first. */
    REGION_ORDER: json(z.array(regionName)).optional(),
    /** Joins per minute of one address, of one token, and changes of pins per minute of one room. */
    JOINS_PER_MINUTE_PER_ADDRESS: rate(600),
    JOINS_PER_MINUTE_PER_TOKEN: rate(60),
    PINS_PER_MINUTE_PER_ROOM: rate(6),
  })
  .superRefine((environment, context) => {
    const fault = (variable: string, message: string): void => {
      context.addIssue({ code: "custom", path: [variable], message });
    };
    if (environment.STANDBY_REGION === environment.PRIMARY_REGION) {
      fault(
        "STANDBY_REGION",
        `${environment.PRIMARY_REGION} is the primary, and cannot be the standby as well`,
      );
    }
    if (environment.METRICS_PORT === environment.PORT) {
      fault("METRICS_PORT", `${environment.PORT} is PORT already: metrics need one of their own`);
    }
    const previousKey = environment.LIVEKIT_PREVIOUS_API_KEY_FILE;
    const previousSecret = environment.LIVEKIT_PREVIOUS_API_SECRET_FILE;
    if ((previousKey === undefined) !== (previousSecret === undefined)) {
      fault(
        previousKey === undefined
          ? "LIVEKIT_PREVIOUS_API_KEY_FILE"
          : "LIVEKIT_PREVIOUS_API_SECRET_FILE",
        "a previous key is a key and a secret: set both files or none",
      );
    }
  });
export type RoomsEnvironment = z.output<typeof environmentSchema>;

/** The gateway's configuration, or everything that is wrong with it. No value of a secret is in the faults. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
): Environment<RoomsEnvironment> {
  return readEnvironment(environmentSchema, environment);
}

/** The regions known from the start. */
export function homesOf(
  environment: Pick<RoomsEnvironment, "PRIMARY_REGION" | "STANDBY_REGION">,
): readonly string[] {
  const { PRIMARY_REGION: primary, STANDBY_REGION: standby } = environment;
  return standby === undefined ? [primary] : [primary, standby];
}

/**
 * Where Meet takes events. By its name, which follows the primary; but straight in the primary's region where another
 * region was promoted than this pod was told, because the name may still lead to the one that was it before.
 */
export function meetUrl(
  environment: Pick<RoomsEnvironment, "PRIMARY_REGION" | "MEET_URL" | "DOMAIN">,
  primary: string,
): string {
  return primary === environment.PRIMARY_REGION
    ? environment.MEET_URL
    : `https://meet.${primary}.${environment.DOMAIN}`;
}

/** The texts of a current and a previous secret, as they are now. */
export function secretsOf(current: SecretFile, previous?: SecretFile): () => readonly string[] {
  return () =>
    previous === undefined ? [current.current()] : [current.current(), previous.current()];
}
