import type { Rule } from "../model.ts";

/** Every rule of the stand-in. */
export const rules: readonly Rule[] = [];
