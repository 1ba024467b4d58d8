import { brokenOf, type DrillResult, type ScenarioResult } from "../drill/result.ts";
import { count, duration, html, Markup } from "./html.ts";
import { fleetMap } from "./map.ts";
import { STYLE } from "./style.ts";
import { costTable, measuredTable, rewriteTable, splitText } from "./tables.ts";
import { timeline } from "./timeline.ts";

/** The page may load nothing and run nothing; what it says is all in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** The report of a drill: one page that needs nothing else. The result is in it as JSON, as `--json` writes it. */
export function reportPage(result: DrillResult): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <title>Drill of ${result.fleet}, ${day(result)}</title>
        <link rel="icon" href="data:," />
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${head(result)} ${where(result)} ${measured(result)} ${each(result)} ${rest(result)}
        </main>
        <script type="application/json" id="drill">
          ${data(result)}
        </script>
      </body>
    </html>`;
  return `${page.text}\n`;
}

function day({ startedAt }: DrillResult): string {
  return startedAt.slice(0, 16).replace("T", " ");
}

/** As JSON that ends no script element. */
function data(result: DrillResult): Markup {
  return new Markup(JSON.stringify(result).replace(/</g, "\\u003c"));
}

function head(result: DrillResult): Markup {
  const broken = brokenOf(result);
  const people = result.scenarios.flatMap(({ participants }) => participants);
  const affected = people.filter(({ isAffected }) => isAffected);
  const outs = affected.map(({ outMs }) => outMs);
  const worst = outs.includes(null) ? null : Math.max(0, ...outs.map((ms) => ms ?? 0));
  const left = result.scenarios.reduce((sum, { split }) => sum + split.after, 0);
  const figures: readonly (readonly [string, string])[] = [
    ["scenarios", String(result.scenarios.length)],
    ["participations", String(people.length)],
    ["of these interrupted", String(affected.length)],
    ["longest interruption", duration(worst)],
    ["rooms left split", String(left)],
    ["the drill took", duration(result.seconds * 1000)],
  ];
  return html`<header>
    <h1>Drill of ${result.fleet}</h1>
    <p>
      <span class="verdict ${broken.length > 0 ? "bad" : ""}"
        >${broken.length === 0 ? "Every guarantee was kept" : `${count(broken.length, "guarantee")} broken`}</span
      >
    </p>
    <p class="soft">
      ${day(result)} UTC${result.isQuick ? ", the quick one" : ""}. ${result.setting.network};
      delays: ${result.setting.delays}. Health checks every ${result.setting.checkIntervalSeconds}
      s, names kept for ${result.setting.ttlSeconds} s. ${result.setting.cores} cores, load
      ${result.setting.loadPerCore.toFixed(1)} per
      core${result.setting.loadPerCore > 1.5 ? ": every time here is longer than on an idle machine" : ""}.
    </p>
    ${
      broken.length === 0
        ? html``
        : html`<ul class="bad">
            ${broken.map((sentence) => html`<li>${sentence}</li>`)}
          </ul>`
    }
    <dl class="figures">
      ${figures.map(
        ([term, value]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </header>`;
}

function where(result: DrillResult): Markup {
  return html`<section>
    <h2>The fleet</h2>
    <div class="card">
      ${fleetMap(result)}
      <div class="legend">
        <span><i style="background:var(--region)"></i>region</span>
        <span><i style="background:var(--people)"></i>people, and the region they came in by</span>
        ${result.regions.map(
          ({ name, role, awsRegion, pods }) =>
            html`<span
              ><b>${name}</b>: ${role}, ${awsRegion},
              ${Object.entries(pods)
                .map(([workload, number]) => `${number} ${workload}`)
                .join(", ")}</span
            >`,
        )}
      </div>
    </div>
  </section>`;
}

function measured(result: DrillResult): Markup {
  return html`<section>
    <h2>Measured, and what is allowed</h2>
    <div class="card">${measuredTable(result)}</div>
    <p class="soft">
      Out: from the loss of signalling until the voices or messages of all the others came again.
      Only those who were out are counted.
    </p>
  </section>`;
}

function each(result: DrillResult): Markup {
  return html`<section>
    <h2>Scenario by scenario</h2>
    <div class="legend">
      <span><i style="background:var(--in)"></i>in the meeting</span>
      <span><i style="background:var(--out)"></i>out</span>
      <span><i style="background:var(--gone)"></i>the client gave up</span>
      <span>Upright lines are what happened, numbered below.</span>
    </div>
    ${result.scenarios.map(scenarioCard)}
  </section>`;
}

function scenarioCard(scenario: ScenarioResult): Markup {
  const { name, title, done, failure, guarantees, lost, runbook, seconds } = scenario;
  return html`<article class="card scenario" id="${name}">
    <header>
      <h3>${title}</h3>
      <code>${name}</code>
      <span class="soft">${splitText(scenario)}; ${duration(seconds * 1000)} in all</span>
    </header>
    <p>${done}</p>
    ${failure === undefined ? html`` : html`<p class="bad">Could not be finished: ${failure}</p>`}
    ${timeline(scenario)}
    <ul class="guarantees">
      ${guarantees.map(
        ({ sentence, found, isKept }) =>
          html`<li class="${isKept ? "kept" : "broken"}">
            ${sentence} <span class="soft">${found}</span>
          </li>`,
      )}
    </ul>
    <p><b>Lost:</b> ${lost.length === 0 ? "nothing." : lost.join(" ")}</p>
    <p class="runbook"><b>The runbook</b> (<code>${runbook.file}</code>): ${runbook.says}</p>
  </article>`;
}

function rest(result: DrillResult): Markup {
  return html`<section>
      <h2>What the fleet costs</h2>
      <div class="card">${costTable(result)}</div>
    </section>
    <section>
      <h2>Different from what was deployed</h2>
      <div class="card">${rewriteTable(result)}</div>
    </section>
    <section>
      <h2>What this does not prove</h2>
      <div class="card">
        <ul>
          ${result.notProven.map((sentence) => html`<li>${sentence}</li>`)}
        </ul>
      </div>
    </section>`;
}
