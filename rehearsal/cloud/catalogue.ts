import { awsTypes } from "./aws/types.ts";
import { cloudflareTypes } from "./cloudflare/types.ts";
import { kubernetesTypes } from "./kubernetes/types.ts";
import type { ProviderName, ResourceType, Rule } from "./model.ts";
import { randomTypes } from "./random/types.ts";
import { rules } from "./rules/all.ts";

const types = new Map<string, ResourceType>(
  [...awsTypes, ...kubernetesTypes, ...cloudflareTypes, ...randomTypes].map((type) => [
    type.token,
    type,
  ]),
);

const rulesByType = new Map<string, Rule[]>();
for (const rule of rules) {
  for (const token of rule.types) {
    rulesByType.set(token, [...(rulesByType.get(token) ?? []), rule]);
  }
}

/** All resource types that the stand-in knows, and the rules about each. */
export const catalogue = {
  tokens: [...types.keys()],

  /** The type of a token; what nobody has described is refused, so that nothing is accepted unseen. */
  type(provider: ProviderName, token: string): ResourceType {
    const type = types.get(token);
    if (type === undefined) {
      throw new Error(
        `Stand-in ${provider}: it does not know the resource type ${token}. ` +
          `Describe it in rehearsal/cloud/${provider}, with what it computes and what replaces it.`,
      );
    }
    return type;
  },

  rulesOf(token: string): readonly Rule[] {
    return rulesByType.get(token) ?? [];
  },
};
