import type { z } from "zod";
import { flag, oneOf, section, whole } from "./config-fields.ts";

/** Which make of a secret is in use; a rotation goes through all three settings, one `up` of every region each. */
const generation = section({
  generation: whole(1, 1000).default(1),
  keepPrevious: flag().default(false),
  signWith: oneOf(["current", "previous"]).default("current"),
}).superRefine(({ generation: make, keepPrevious, signWith }, context) => {
  const fault = (key: string, message: string): void => {
    context.addIssue({ code: "custom", path: [key], message });
  };
  if (keepPrevious && make === 1) {
    fault("keepPrevious", "true, but generation 1 is the first. Raise generation, or remove it.");
  }
  if (signWith === "previous" && !keepPrevious) {
    fault("signWith", "previous, which is not kept. Set keepPrevious: true as well.");
  }
});

/** The secrets all regions share: the first three are made anew while both makes are accepted. */
export const secretsSchema = section({
  livekitKeys: generation.prefault({}),
  peer: generation.prefault({}),
  operator: generation.prefault({}),
  // Meet has no setting for a second key (suitenumerique/meet settings.py), so there is no time of two.
  django: section({ generation: whole(1, 1000).default(1) }).prefault({}),
});

/** Which makes of the secrets are in use that can have two. */
export type SecretsConfig = Readonly<Omit<z.output<typeof secretsSchema>, "django">>;
