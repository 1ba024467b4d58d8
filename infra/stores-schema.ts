import { z } from "zod";
import { chosenBy, section, text, whole } from "./config-fields.ts";

/** Who runs Meet's PostgreSQL and Valkey: see ADR 0017. */
export const storesSchema = z
  .discriminatedUnion(
    "kind",
    [
      section({ kind: z.literal("managed") }),
      section({
        kind: z.literal("external"),
        // No default: what a database's certificate is signed by is what a client has to be told.
        databaseAuthority: text(
          "the certificates that sign the database's, as PEM",
          "-----BEGIN CERTIFICATE----- …",
          (value) =>
            /^-----BEGIN CERTIFICATE-----\n[^]+\n-----END CERTIFICATE-----\s*$/.test(value),
        ),
        databasePort: whole(1, 65_535).default(5432),
        valkeyPort: whole(1, 65_535).default(6379),
      }),
    ],
    { error: chosenBy("kind", ["managed", "external"]) },
  )
  .prefault({ kind: "managed" });

/** Who runs Meet's PostgreSQL and Valkey. */
export type StoresConfig = Readonly<z.output<typeof storesSchema>>;
