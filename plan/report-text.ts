import type { FailoverBudget } from "./failover.ts";
import type { ComponentNode } from "./inventory.ts";
import type { StackPlan } from "./plan.ts";
import { bullet, count, dollars, table } from "./text.ts";

/** The plan of some stacks, for a terminal. */
export function textReport(plans: readonly StackPlan[], domain: string): string {
  const total = plans.reduce((sum, { costs }) => sum + costs.fixedUsdPerMonth, 0);
  const overview = table(
    [
      ...plans.map((plan) => [
        plan.stack,
        plan.role,
        plan.awsRegion,
        plan.size,
        String(plan.inventory.total),
        dollars(plan.costs.fixedUsdPerMonth),
        String(plan.warnings.length),
      ]),
      ["", "", "", "", String(sum(plans)), dollars(total), ""],
    ],
    {
      head: ["stack", "role", "AWS region", "size", "resources", "fixed a month", "warnings"],
      right: [4, 5, 6],
    },
  );
  return [
    `La Suite Meet for ${domain}: ${count(plans.length, "region")}. ` +
      `This is what pulumi up would create; nothing was contacted.`,
    "",
    overview,
    ...plans.map(stackReport),
    "",
  ].join("\n");
}

function sum(plans: readonly StackPlan[]): number {
  return plans.reduce((total, { inventory }) => total + inventory.total, 0);
}

function stackReport(plan: StackPlan): string {
  const title = `${plan.stack}: ${plan.role} in ${plan.awsRegion}, residency group ${plan.residency}, size ${plan.size}`;
  return [
    "",
    title,
    "=".repeat(title.length),
    section("What would be created", created(plan)),
    section("Names people will see", names(plan)),
    section("When a region is lost", failover(plan)),
    section("Availability that published service levels add up to", availability(plan)),
    section("AWS quotas needed (a new account's default)", quotas(plan)),
    section("Cost, estimated", costs(plan)),
    section("Warnings", plan.warnings.map(({ sentence }) => bullet(sentence)).join("\n")),
  ].join("\n");
}

function section(title: string, body: string): string {
  return `\n${title}\n${body === "" ? "  none" : body}`;
}

function created({ inventory }: StackPlan): string {
  const providers = Object.entries(inventory.byProvider)
    .map(([provider, amount]) => `${provider} ${amount}`)
    .join(", ");
  const rows = [
    ...inventory.tree.flatMap((node) => componentRows(node, 0)),
    ...inventory.loose.map(({ type, count: amount }) => [type, String(amount), "", ""]),
  ];
  return [
    bullet(
      `${count(inventory.total, "resource")} in ${count(inventory.components, "component")} (${providers}), ` +
        `${inventory.protected} of them protected from deletion.`,
      "  ",
    ),
    table(rows, { head: ["component", "resources", "protected", "made of"], right: [1, 2] }),
  ].join("\n");
}

function componentRows(node: ComponentNode, depth: number): string[][] {
  const made = node.own
    .map(({ type, count: amount }) => (amount === 1 ? type : `${amount} ${type}`))
    .join(", ");
  const [first = "", ...rest] = wrapped(made, 64);
  return [
    [
      `${"  ".repeat(depth)}${node.name}`,
      String(node.total),
      node.protected === 0 ? "" : String(node.protected),
      first,
    ],
    ...rest.map((line) => ["", "", "", line]),
    ...node.children.flatMap((child) => componentRows(child, depth + 1)),
  ];
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of text.split(", ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 2 <= width) {
      lines[lines.length - 1] = `${last}, ${part}`;
    } else {
      lines.push(part);
    }
  }
  return lines;
}

function names(plan: StackPlan): string {
  return table(
    plan.names.map(({ name, what, madeHere }) => [
      name,
      madeHere ? what : `${what} (made by another stack)`,
    ]),
  );
}

function failover({ failover: budgets, regions }: StackPlan): string {
  if (regions < 2) {
    return bullet("There is no other region: people are out until this one is back.");
  }
  return budgets
    .map((budget) =>
      [
        bullet(
          `${budget.name}: back in another region within ${budget.refusingSeconds} s where the lost address refuses, ` +
            `${budget.silentSeconds} s where it is silent (resolvers that honour the TTL)` +
            ending(budget),
        ),
        bullet(
          budget.steps.map(({ what, seconds }) => `${what} ${seconds} s`).join(" + "),
          "      = ",
        ),
      ].join("\n"),
    )
    .join("\n");
}

function ending({ afterPromotion, withinBrowserPatience }: FailoverBudget): string {
  if (afterPromotion) {
    return ", counted from the moment at which an operator has promoted the standby.";
  }
  return withinBrowserPatience
    ? ". Browsers in a meeting are still trying by then."
    : ". Browsers in a meeting may have given up by then.";
}

function availability({ availability: { journeys, assumptions } }: StackPlan): string {
  const rows = journeys.map((journey) => [
    journey.journey,
    percent(journey.oneRegionPercent),
    percent(journey.automaticPercent),
    journey.withPromotionPercent === undefined ? "—" : percent(journey.withPromotionPercent),
    journey.belowTarget ? "below 99.9 %" : "reaches 99.9 %",
  ]);
  return [
    table(rows, {
      head: ["journey", "one region", "by itself", "with promotion", "the guide's 99.9 %"],
      right: [1, 2, 3],
    }),
    ...journeys.map(({ journey, verdict }) => bullet(`${journey}: ${verdict}`)),
    ...journeys.map(({ journey, chain }) =>
      bullet(
        `${journey} needs ${chain.map(({ what, percent: level }) => `${what} ${level}`).join(" × ")}`,
      ),
    ),
    "  Taken for granted:",
    ...assumptions.map((assumption) => bullet(assumption)),
  ].join("\n");
}

function percent(value: number): string {
  // Cut, not rounded: 99.9999 is not 100.
  return `${(Math.floor(value * 1000) / 1000).toFixed(3)} %`;
}

function quotas(plan: StackPlan): string {
  return table(
    plan.quotas.map((need) => [
      need.name,
      need.scope,
      String(need.needed),
      String(need.neededByFleet),
      String(need.awsDefault),
      need.exceedsDefault ? `ask for more (${need.code})` : "",
    ]),
    { head: ["quota", "where", "this stack", "fleet", "default", ""], right: [2, 3, 4] },
  );
}

function costs({ costs: estimate }: StackPlan): string {
  const lines = estimate.lines.map((line) => [
    line.component,
    line.what,
    String(line.quantity),
    line.usdPerMonth === undefined ? "no price" : dollars(line.usdPerMonth),
    line.unverified ? "unverified" : "",
  ]);
  const { oldest, newest } = estimate.priceDates;
  return [
    bullet(
      `${dollars(estimate.fixedUsdPerMonth)} a month while nobody meets, from plan/prices.json (${oldest} to ${newest}); ` +
        `${estimate.unverifiedLines} of ${estimate.lines.length} lines rest on prices not verified since.`,
      "  ",
    ),
    table(
      estimate.byComponent.map(({ component, usdPerMonth }) => [component, dollars(usdPerMonth)]),
      { head: ["by component", "a month"], right: [1] },
    ),
    table(lines, { head: ["component", "what", "quantity", "a month", ""], right: [2, 3] }),
    ...estimate.usage.map(({ per, usd, how }) =>
      bullet(`and $${usd} per ${per}: ${how.join("; ")}.`),
    ),
  ].join("\n");
}
