import { z } from "zod";
import { chosenBy, flag, mismatch, oneOf, section, text } from "./config-fields.ts";

/** A bucket on S3-compatible storage (Garage, Scaleway, MinIO, …); its keys are in the secret meet:storageKeys. */
const store = section({
  // 443 alone, because network policies let pods out by it; redirects of browsers want TLS too.
  endpoint: text("an https URL without port and path", "https://s3.fr-par.scw.cloud", (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url?.protocol === "https:" && url.port === "" && url.origin === value;
  }),
  region: text("the region that the storage signs for", "fr-par or garage", /^[a-z0-9-]{1,40}$/),
  bucket: text("a bucket's name", "meet-recordings", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
  pathStyle: flag().default(true),
  delivery: oneOf(["redirect", "stream"]).default("redirect"),
});

/** A bucket on S3-compatible storage. */
export type Store = Readonly<z.output<typeof store>>;

/** Where recordings are kept: see docs/recordings.md. */
export const storageSchema = z
  .discriminatedUnion(
    "kind",
    [
      section({ kind: z.literal("regional") }),
      section({ kind: z.literal("single") }),
      section({
        kind: z.literal("s3-compatible"),
        default: store.exactOptional(),
        regions: z
          .record(z.string(), store, {
            error: ({ input }) =>
              mismatch(input, "a block with a store for each region", "{ eu: { endpoint: … } }"),
          })
          .default({}),
      }),
    ],
    { error: chosenBy("kind", ["regional", "single", "s3-compatible"]) },
  )
  .prefault({ kind: "regional" });

/** Which of the three choices a fleet has made. */
export type StorageConfig = Readonly<z.output<typeof storageSchema>>;
