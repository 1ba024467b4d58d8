import { fixedItems } from "./cost-items.ts";
import type { CostItem } from "./cost-items.ts";
import { machineGroups, virtualCpus } from "./machines.ts";
import type { Price, PriceTable } from "./prices.ts";
import type { Recorded } from "./recorded.ts";
import { byUrn, componentName, ofType } from "./resources.ts";

/** One line of the estimate. */
export interface CostLine {
  readonly component: string;
  readonly what: string;
  readonly item: string;
  readonly quantity: number;
  /** Absent when the price table has no price: it is then missing from the total, and said. */
  readonly usdPerMonth?: number;
  readonly unverified: boolean;
  readonly source?: string;
}

/** What a stack costs in a month when nobody uses it, and what use adds. */
export interface CostEstimate {
  readonly fixedUsdPerMonth: number;
  readonly byComponent: readonly { readonly component: string; readonly usdPerMonth: number }[];
  readonly lines: readonly CostLine[];
  /** Items without a price; the total is too low by them. */
  readonly withoutPrice: readonly string[];
  readonly usage: readonly UsageCost[];
  readonly priceDates: { readonly oldest: string; readonly newest: string };
  readonly unverifiedLines: number;
}

/** What one unit of use costs, and how that was computed. */
export interface UsageCost {
  readonly per: "participant-hour" | "recorded hour";
  readonly usd: number;
  readonly how: readonly string[];
}

/** Prices the recorded resources of one stack. Pure; the configuration is not looked at. */
export function estimateCosts(
  resources: readonly Recorded[],
  stackRegion: string,
  prices: PriceTable,
): CostEstimate {
  const index = byUrn(resources);
  const hours = prices.assumptions.hoursPerMonth;
  const lines = merge(
    fixedItems(resources, stackRegion).map((item) =>
      line(
        item,
        componentName(item.resource, index),
        prices.find(item.item, item.awsRegion),
        hours,
      ),
    ),
  );
  const byComponent = new Map<string, number>();
  for (const { component, usdPerMonth = 0 } of lines) {
    byComponent.set(component, (byComponent.get(component) ?? 0) + usdPerMonth);
  }
  return {
    fixedUsdPerMonth: cents(lines.reduce((sum, { usdPerMonth = 0 }) => sum + usdPerMonth, 0)),
    byComponent: [...byComponent]
      .map(([component, usd]) => ({ component, usdPerMonth: cents(usd) }))
      .sort((left, right) => right.usdPerMonth - left.usdPerMonth),
    lines,
    withoutPrice: [
      ...new Set(lines.filter((one) => one.usdPerMonth === undefined).map((one) => one.item)),
    ].sort(),
    usage: usageCosts(resources, stackRegion, prices),
    priceDates: prices.dates(),
    unverifiedLines: lines.filter((one) => one.unverified).length,
  };
}

function line(
  item: CostItem,
  component: string,
  price: Price | undefined,
  hoursPerMonth: number,
): CostLine {
  const base = { component, what: item.what, item: item.item, quantity: item.quantity };
  if (price === undefined) {
    return { ...base, unverified: false };
  }
  const times = price.unit === "hour" ? hoursPerMonth : 1;
  return {
    ...base,
    usdPerMonth: cents(price.usd * item.quantity * times),
    unverified: price.unverified,
    source: price.source,
  };
}

/** Lines of the same component and item become one, so that three addresses are one line of three. */
function merge(lines: readonly CostLine[]): CostLine[] {
  const merged = new Map<string, CostLine>();
  for (const one of lines) {
    const key = `${one.component}/${one.item}/${one.what}/${one.source ?? ""}`;
    const before = merged.get(key);
    merged.set(
      key,
      before === undefined
        ? one
        : {
            ...before,
            quantity: before.quantity + one.quantity,
            ...(before.usdPerMonth === undefined
              ? {}
              : { usdPerMonth: cents(before.usdPerMonth + (one.usdPerMonth ?? 0)) }),
          },
    );
  }
  return [...merged.values()];
}

/** A participant who receives 2 Mbit/s for an hour takes 0.9 GB; that, not the machines, is what meetings cost. */
function usageCosts(
  resources: readonly Recorded[],
  awsRegion: string,
  prices: PriceTable,
): UsageCost[] {
  const { receivedMbps, participantsPerVirtualCpu, recordingGbPerHour } = prices.assumptions;
  const costs: UsageCost[] = [];
  const media = usagePrice(resources, awsRegion, prices, "media");
  const out = prices.find("transfer.internet", awsRegion);
  if (out !== undefined) {
    const gigabytes = (receivedMbps * 3600) / 8 / 1000;
    const machine = media === undefined ? 0 : media.usdPerCpuHour / participantsPerVirtualCpu;
    costs.push({
      per: "participant-hour",
      usd: round(gigabytes * out.usd + machine, 4),
      how: [
        `${receivedMbps} Mbit/s received = ${round(gigabytes, 3)} GB/h × $${out.usd}/GB sent to the internet`,
        media === undefined
          ? "no media nodes found: machines are not counted"
          : `1/${participantsPerVirtualCpu} vCPU of ${media.instanceType} when media nodes are full ` +
            `($${round(machine, 4)}); the smallest number of nodes is in the fixed costs already`,
      ],
    });
  }
  const egress = usagePrice(resources, awsRegion, prices, "egress");
  const storage = prices.find("s3.storage", awsRegion);
  const between = prices.find("transfer.inter-region", awsRegion);
  if (egress !== undefined && storage !== undefined && between !== undefined) {
    const copies = replicaCount(resources);
    const stored = recordingGbPerHour * storage.usd * (1 + copies);
    const moved = recordingGbPerHour * between.usd * copies;
    const cpus = 4 * egress.usdPerCpuHour;
    costs.push({
      per: "recorded hour",
      usd: round(cpus + stored + moved, 4),
      how: [
        `4 vCPUs of ${egress.instanceType} for one video recording ($${round(cpus, 4)})`,
        `${recordingGbPerHour} GB kept for a month in ${1 + copies} bucket(s) ($${round(stored, 4)})`,
        `${copies} replica(s) sent to another region ($${round(moved, 4)})`,
      ],
    });
  }
  return costs;
}

function usagePrice(
  resources: readonly Recorded[],
  awsRegion: string,
  prices: PriceTable,
  role: string,
): { readonly instanceType: string; readonly usdPerCpuHour: number } | undefined {
  const index = byUrn(resources);
  const group = machineGroups(resources).find(
    ({ resource }) => resource.name.includes(role) || componentName(resource, index).includes(role),
  );
  const price = group && prices.find(`ec2.${group.instanceType}`, awsRegion);
  const cpus = group && virtualCpus(group.instanceType);
  return group === undefined || price === undefined || cpus === undefined
    ? undefined
    : { instanceType: group.instanceType, usdPerCpuHour: price.usd / cpus };
}

function replicaCount(resources: readonly Recorded[]): number {
  const destinations = ofType(
    resources,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
  ).map(({ inputs }) => (Array.isArray(inputs["rules"]) ? inputs["rules"].length : 0));
  return Math.max(0, ...destinations);
}

function cents(usd: number): number {
  return round(usd, 2);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
