import type { DrillResult, Recovery, ScenarioResult } from "../drill/result.ts";
import { count, duration, html, type Markup } from "./html.ts";

const GAUGE_WIDTH = 200;

/** A table that becomes one block a row on a narrow screen, each cell with its head. */
function table(
  heads: readonly string[],
  rows: readonly (readonly (Markup | string)[])[],
  numbers: readonly number[] = [],
): Markup {
  const kind = (index: number): string => (numbers.includes(index) ? "number" : "");
  return html`<div class="scroll">
    <table class="wide">
      <thead>
        <tr>
          ${heads.map((head, index) => html`<th class="${kind(index)}">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, index) => html`<td class="${kind(index)}" data-head="${heads[index] ?? ""}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** What was measured of each scenario and kind of client, beside what the design allows. */
export function measuredTable({ scenarios }: DrillResult): Markup {
  const shown = scenarios.flatMap(({ recovery }) => recovery.map(worstShown));
  const longest = Math.max(1, ...shown);
  const rows = scenarios.flatMap((scenario) =>
    scenario.recovery.map((recovery, index) => [
      html`<a class="${index === 0 ? "" : "again"}" href="#${scenario.name}">${scenario.title}</a>`,
      recovery.client,
      `${recovery.affected} of ${recovery.participants}`,
      time(recovery.medianMs),
      time(recovery.p95Ms),
      worst(recovery),
      recovery.budgetMs === undefined ? "none set" : duration(recovery.budgetMs),
      gauge(recovery, longest),
    ]),
  );
  return table(
    ["scenario", "client", "out", "median", "95 %", "worst", "allowed", ""],
    rows,
    [2, 3, 4, 5, 6],
  );
}

function time(ms: number | null | undefined): string {
  return ms === undefined ? "–" : duration(ms);
}

function worst({ worstMs, budgetMs, gaveUp }: Recovery): Markup {
  const isOver = worstMs === null || (worstMs ?? 0) > (budgetMs ?? Infinity);
  const more = gaveUp > 0 ? ` (${gaveUp} gave up)` : "";
  return html`<span class="${isOver ? "bad" : ""}">${time(worstMs)}${more}</span>`;
}

function worstShown({ worstMs, budgetMs = 0 }: Recovery): number {
  return Math.max(worstMs ?? 0, budgetMs);
}

/** A bar from nothing to the worst with the median in it, and a line where it has to end. */
function gauge(recovery: Recovery, longestMs: number): Markup {
  const { medianMs, worstMs, budgetMs } = recovery;
  const at = (ms: number): string => ((ms / longestMs) * GAUGE_WIDTH).toFixed(1);
  return html`<svg
    class="gauge"
    viewBox="0 0 ${GAUGE_WIDTH} 16"
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    <rect class="track" x="0" y="4" width="${GAUGE_WIDTH}" height="8" rx="2" />
    <rect
      class="range"
      x="0"
      y="4"
      width="${at(worstMs ?? (worstMs === null ? longestMs : 0))}"
      height="8"
      rx="2"
    />
    <rect class="median" x="0" y="4" width="${at(medianMs ?? 0)}" height="8" rx="2" />
    ${budgetMs === undefined ? html`` : html`<line class="budget" x1="${at(budgetMs)}" x2="${at(budgetMs)}" y1="0" y2="16" />`}
  </svg>`;
}

/** What the plan says the fleet costs in a month when nobody uses it. */
export function costTable({ costs, regions }: DrillResult): Markup {
  if (costs.length === 0) {
    return html`<p class="soft">
      The plan was not asked for costs in this run: <code>npm run plan</code>.
    </p>`;
  }
  const names = [...new Set(costs.map(({ region }) => region))];
  const components = [...new Set(costs.map(({ component }) => component))];
  const sum = (region: string, component?: string): number =>
    costs
      .filter((line) => line.region === region && (component ?? line.component) === line.component)
      .reduce((total, { usdPerMonth }) => total + usdPerMonth, 0);
  const dollars = (usd: number): string =>
    usd === 0 ? "–" : `$${Math.round(usd).toLocaleString("en-US")}`;
  const total = names.reduce((all, region) => all + sum(region), 0);
  const role = (name: string): string => regions.find((region) => region.name === name)?.role ?? "";
  return html`${table(
      ["component", ...names.map((name) => `${name} ${role(name)}`.trim()), "together"],
      [
        ...components.map((component) => [
          component,
          ...names.map((name) => dollars(sum(name, component))),
          dollars(names.reduce((all, name) => all + sum(name, component), 0)),
        ]),
        [
          "all",
          ...names.map((name) => html`<b>${dollars(sum(name))}</b>`),
          html`<b>${dollars(total)}</b>`,
        ],
      ],
      Array.from({ length: names.length + 1 }, (_, index) => index + 1),
    )}
    <p class="soft">
      US dollars a month while nobody meets, from the plan's dated price list. Meetings add what
      they send.
    </p>`;
}

/** All that runs here otherwise than it was deployed. */
export function rewriteTable({ rewrites }: DrillResult): Markup {
  return html`<details>
    <summary>${count(rewrites.length, "rewrite")}</summary>
    ${table(
      ["object", "what", "deployed", "here"],
      rewrites.map(({ object, what, from, to }) => [
        html`<code>${object}</code>`,
        what,
        html`<code>${from}</code>`,
        html`<code>${to}</code>`,
      ]),
    )}
  </details>`;
}

/** Rooms in two regions at once, in words. */
export function splitText({ split }: ScenarioResult): string {
  return split.during === 0
    ? `${count(split.after, "room")} split`
    : `${count(split.during, "room")} split during it, ${split.after} after`;
}
