import { parse } from "yaml";
import type { StackConfig } from "../infra/config.ts";
import { AVAILABILITY_ASSUMPTIONS, journeysOf, stackFacts } from "./availability.ts";
import type { Journey } from "./availability.ts";
import { estimateCosts } from "./costs.ts";
import type { CostEstimate } from "./costs.ts";
import { failoverBudgets } from "./failover.ts";
import type { FailoverBudget } from "./failover.ts";
import type { StackRecording } from "./fleet-recording.ts";
import { inventoryOf } from "./inventory.ts";
import type { Inventory } from "./inventory.ts";
import type { PriceTable } from "./prices.ts";
import { quotaNeeds } from "./quotas.ts";
import type { QuotaNeed } from "./quotas.ts";
import { isRecord } from "./resources.ts";
import { visibleNames } from "./users-see.ts";
import type { VisibleName } from "./users-see.ts";
import { warningsOf } from "./warnings.ts";
import type { Warning } from "./warnings.ts";

/** Everything the plan says about one stack; what `--json` prints under its name. */
export interface StackPlan {
  readonly stack: string;
  readonly role: StackConfig["role"];
  readonly awsRegion: string;
  readonly residency: string;
  readonly size: StackConfig["size"];
  /** Regions of the fleet, this one included; failover needs two. */
  readonly regions: number;
  readonly inventory: Inventory;
  readonly names: readonly VisibleName[];
  readonly failover: readonly FailoverBudget[];
  readonly availability: {
    readonly journeys: readonly Journey[];
    readonly assumptions: readonly string[];
  };
  readonly quotas: readonly QuotaNeed[];
  readonly costs: CostEstimate;
  readonly warnings: readonly Warning[];
}

/** What a plan is made from beside the recordings. */
export interface PlanContext {
  readonly files: ReadonlyMap<string, string>;
  readonly prices: PriceTable;
}

/** The plan of every stack of a fleet, by stack. Pure. */
export function planFleet(
  recordings: ReadonlyMap<string, StackRecording>,
  context: PlanContext,
): Map<string, StackPlan> {
  const all = [...recordings].map(([stack, { config, resources }]) => ({
    stack,
    awsRegion: config.awsRegion,
    config,
    resources,
  }));
  const quotas = quotaNeeds(all);
  const facts = all.map(({ config, resources }) => stackFacts(config, resources));
  // Cloudflare's balancers are singletons of the primary's stack, and their budget holds for every region.
  const shared = all.flatMap(({ resources }) =>
    failoverBudgets(resources).filter(({ by }) => by === "cloudflare"),
  );
  return new Map(
    all.map(({ stack, config, resources }) => {
      const own = failoverBudgets(resources);
      const failover = own.length > 0 ? own : shared;
      const costs = estimateCosts(resources, config.awsRegion, context.prices);
      const needs = quotas.get(stack) ?? [];
      const provider = secretsProviderOf(context.files.get(`Pulumi.${stack}.yaml`));
      const warnings = warningsOf({
        config,
        resources,
        failover,
        quotas: needs,
        costs,
        ...(provider === undefined ? {} : { secretsProvider: provider }),
      });
      return [
        stack,
        {
          stack,
          role: config.role,
          awsRegion: config.awsRegion,
          residency: config.residency,
          size: config.size,
          regions: all.length,
          inventory: inventoryOf(resources),
          names: visibleNames(config, resources),
          failover,
          availability: {
            journeys: journeysOf(stack, facts),
            assumptions: AVAILABILITY_ASSUMPTIONS,
          },
          quotas: needs,
          costs,
          warnings,
        },
      ];
    }),
  );
}

function secretsProviderOf(file: string | undefined): string | undefined {
  const content: unknown = file === undefined ? undefined : parse(file);
  const provider = isRecord(content) ? content["secretsprovider"] : undefined;
  return typeof provider === "string" ? provider : undefined;
}
