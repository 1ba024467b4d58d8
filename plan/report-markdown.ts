import type { ChangedResource, ComparedResource } from "./compare.ts";
import { isUnchanged } from "./compare.ts";
import type { StackDifference } from "./difference.ts";
import type { StackPlan } from "./plan.ts";
import { shortType } from "./resources.ts";
import { count, dollars } from "./text.ts";

/** GitHub refuses comments over 65,536 characters; what is cut is counted and said. */
const LISTED_PER_GROUP = 40;
const INPUTS_PER_RESOURCE = 8;

/** A comparison of revisions, fit for a comment on a pull request. Contains no secret and no credential. */
export function differenceMarkdown(
  differences: readonly StackDifference[],
  revision: string,
): string {
  const rows = differences.map((difference) => {
    const { added, removed, changed } = difference.comparison;
    return `| ${code(difference.stack)} | ${standing(difference)} | ${added.length} | ${changed.length} | ${removed.length} | ${
      changed.filter(({ replacedBy }) => replacedBy.length > 0).length
    } | ${costChange(difference)} |`;
  });
  return [
    `## Plan: what changes against ${code(revision)}`,
    "",
    ...(differences.every(({ comparison }) => isUnchanged(comparison))
      ? ["No stack changes.", ""]
      : []),
    "| stack | | added | changed | removed | may be replaced | fixed cost a month |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
    "",
    ...differences.flatMap(details),
    "_From the program of both revisions under mocks, without any credential: it shows what the code asks for, not what " +
      "is deployed. “May be replaced” comes from a short list of fields; `pulumi preview` decides._",
    "",
  ].join("\n");
}

function standing({ kind, comparison }: StackDifference): string {
  return kind === "added"
    ? "new stack"
    : kind === "removed"
      ? "**stack file removed**"
      : isUnchanged(comparison)
        ? "no change"
        : "";
}

function costChange(difference: StackDifference): string {
  const { usdPerMonthChange: change, usdPerMonthAfter: after } = difference;
  return change === 0 ? dollars(after) : `${dollars(after)} (${dollars(change, { signed: true })})`;
}

function details({ stack, kind, comparison }: StackDifference): string[] {
  if (isUnchanged(comparison)) {
    return [];
  }
  const { added, removed, changed } = comparison;
  const alarms = [
    ...(kind === "removed"
      ? [
          `> **${stack}: its file is gone.** What it deployed is not: destroy the stack first (see the runbook).`,
        ]
      : []),
    ...changed
      .filter(({ losesProtection }) => losesProtection)
      .map((change) => `> **${label(change)} loses its protection from deletion.**`),
    ...changed
      .filter((change) => change.replacedBy.length > 0 && change.holdsData)
      .map(
        (change) =>
          `> **${label(change)} may be replaced** because of ${change.replacedBy.map(code).join(", ")}; it holds data or an address.`,
      ),
    ...removed
      .filter(({ holdsData }) => holdsData)
      .map((resource) => `> **${label(resource)} would be deleted**; it holds data or an address.`),
  ];
  return [
    `### ${stack}`,
    "",
    ...alarms.flatMap((alarm) => [alarm, ""]),
    ...group("changed", changed, changeLines),
    ...group("added", added, (resource) => [`- ${label(resource)}`]),
    ...group("removed", removed, (resource) => [`- ${label(resource)}`]),
  ];
}

function group<T>(
  what: string,
  items: readonly T[],
  lines: (item: T) => readonly string[],
): string[] {
  if (items.length === 0) {
    return [];
  }
  const more = items.length - LISTED_PER_GROUP;
  return [
    `<details><summary>${count(items.length, "resource")} ${what}</summary>`,
    "",
    ...items.slice(0, LISTED_PER_GROUP).flatMap(lines),
    ...(more > 0 ? [`- … and ${more} more`] : []),
    "",
    "</details>",
    "",
  ];
}

function changeLines(change: ChangedResource): string[] {
  const more = change.inputs.length - INPUTS_PER_RESOURCE;
  return [
    `- ${label(change)}${change.replacedBy.length > 0 ? " **may be replaced**" : ""}`,
    ...change.inputs
      .slice(0, INPUTS_PER_RESOURCE)
      .map(({ path, before, after }) => `  - ${code(path)}: ${code(before)} → ${code(after)}`),
    ...(more > 0 ? [`  - … and ${more} more inputs`] : []),
    ...change.options.map((option) => `  - option ${code(option)}`),
  ];
}

function label(resource: ComparedResource): string {
  return `${shortType(resource.type)} ${code(resource.name)} in ${resource.component}`;
}

/** Text as inline code; a backtick or a bar in it must not break out into the comment. */
function code(text: string): string {
  return `\`${text.replace(/[`|\n\r]/g, "'")}\``;
}

/** The plan of every stack in short, as Markdown. */
export function planMarkdown(plans: readonly StackPlan[]): string {
  return [
    "## Plan",
    "",
    "| stack | role | AWS region | resources | fixed cost a month | per participant-hour | warnings |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ...plans.map((plan) => {
      const usage = plan.costs.usage.find(({ per }) => per === "participant-hour");
      return `| ${code(plan.stack)} | ${plan.role} | ${plan.awsRegion} | ${plan.inventory.total} | ${dollars(
        plan.costs.fixedUsdPerMonth,
      )} | ${usage === undefined ? "—" : `$${usage.usd}`} | ${plan.warnings.length} |`;
    }),
    "",
    ...plans.flatMap((plan) =>
      plan.warnings.length === 0
        ? []
        : [
            `### Warnings for ${code(plan.stack)}`,
            "",
            ...plan.warnings.map(({ sentence }) => `- ${sentence}`),
            "",
          ],
    ),
  ].join("\n");
}
