import type { ClientKind, ParticipantResult, Recovery } from "./result.ts";

/**
 * The value that so much of the others does not exceed (nearest rank). Somebody who never came back is worse than
 * everybody who did: null.
 */
export function percentile(values: readonly (number | null)[], share: number): number | null {
  const sorted = values.toSorted((a, b) => (a ?? Infinity) - (b ?? Infinity));
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

const ORDER: readonly ClientKind[] = ["browser", "node", "signal"];

/** How long the affected were out, by kind of client. */
export function recoveryOf(
  participants: readonly ParticipantResult[],
  budgets: Partial<Record<ClientKind, number>> = {},
): readonly Recovery[] {
  return ORDER.flatMap((client) => {
    const own = participants.filter((one) => one.client === client);
    const affected = own.filter(({ isAffected }) => isAffected);
    const outs = affected.map(({ outMs }) => outMs);
    const budget = budgets[client];
    return own.length === 0
      ? []
      : [
          {
            client,
            participants: own.length,
            affected: affected.length,
            gaveUp: own.filter(({ gaveUp }) => gaveUp).length,
            ...(outs.length === 0
              ? {}
              : {
                  medianMs: percentile(outs, 0.5),
                  p95Ms: percentile(outs, 0.95),
                  worstMs: percentile(outs, 1),
                }),
            ...(budget === undefined ? {} : { budgetMs: budget }),
          },
        ];
  });
}
