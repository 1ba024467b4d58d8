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

/** Of what each region makes by itself: its servers take both makes from the first `up` on, its clients the new one. */
const token = section({
  generation: whole(1, 1000).default(1),
  keepPrevious: flag().default(false),
}).superRefine(({ generation: make, keepPrevious }, context) => {
  if (keepPrevious && make === 1) {
    const message = "true, but generation 1 is the first. Raise generation, or remove it.";
    context.addIssue({ code: "custom", path: ["keepPrevious"], message });
  }
});

/** Of what nobody takes two makes of. */
const single = section({ generation: whole(1, 1000).default(1) });

/** Which makes of the fleet's secrets are in use: the first four are made anew while both makes are accepted. */
export const secretsSchema = section({
  livekitKeys: generation.prefault({}),
  peer: generation.prefault({}),
  operator: generation.prefault({}),
  valkey: token.prefault({}),
  // Meet has no setting for a second key (suitenumerique/meet settings.py), so there is no time of two.
  django: single.prefault({}),
  // A role of PostgreSQL has one password (PostgreSQL documentation, ALTER ROLE).
  database: single.prefault({}),
});

/** Which makes of the secrets are in use. */
export type SecretsConfig = Readonly<z.output<typeof secretsSchema>>;
