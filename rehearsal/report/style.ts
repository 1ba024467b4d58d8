/** How the report looks: one column on a telephone, light and dark as the reader's system is. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1c2430; --soft: #5b6675; --line: #e3e1dc; --land: #cdd3da;
  --in: #2f8f83; --out: #d9573f; --gone: #7d2434; --region: #2750c4; --people: #b5651d; --good: #1f7a4d; --bad: #b3261e;
  --track: #eef0f2; --budget: #1c2430;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1a2029; --ink: #e8ebef; --soft: #9aa6b4; --line: #2b333f; --land: #3a4552;
    --in: #3fae9f; --out: #f0765d; --gone: #c2556b; --region: #86a5ff; --people: #f0a860; --good: #63c795; --bad: #ff8a80;
    --track: #232b36; --budget: #e8ebef;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 2rem clamp(0.9rem, 3vw, 2rem) 4rem; }
h1 { font-size: clamp(1.6rem, 4vw, 2.4rem); line-height: 1.15; margin: 0 0 0.4rem; letter-spacing: -0.02em; }
h2 { font-size: 1.3rem; margin: 3rem 0 0.8rem; letter-spacing: -0.01em; }
h3 { font-size: 1.12rem; margin: 0; }
h4 { font-size: 0.78rem; font-weight: 600; color: var(--soft); margin: 0.7rem 0 0.15rem; }
p { margin: 0.3rem 0; }
.soft, small { color: var(--soft); }
.verdict { display: inline-block; padding: 0.25rem 0.8rem; border-radius: 99px; font-weight: 600; color: #fff; background: #1f7a4d; }
.verdict.bad { background: #b3261e; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.8rem; margin: 1.4rem 0; padding: 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 0.8rem 1rem; }
.figures dt { color: var(--soft); font-size: 0.84rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 650; white-space: nowrap; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: clamp(0.8rem, 2.5vw, 1.4rem); margin: 1rem 0; }
.map { display: block; width: 100%; height: auto; }
.map .land { stroke: var(--land); stroke-width: 2.1; stroke-linecap: round; fill: none; }
.map .peer { stroke: var(--region); stroke-width: 0.5; stroke-dasharray: 2 2; fill: none; opacity: 0.65; }
.map .way { stroke: var(--people); fill: none; stroke-linecap: round; opacity: 0.85; }
.map .region circle { fill: var(--region); }
.map .region .halo { opacity: 0.22; }
.map .region text { font: 700 8px system-ui, sans-serif; text-anchor: middle; fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 2.4; }
.map .place rect { fill: var(--people); }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; font-size: 0.86rem; color: var(--soft); margin-top: 0.6rem; }
.legend i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 3px; margin-right: 0.4em; vertical-align: -0.05em; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 0.82rem; }
th, td { padding: 0.45rem 0.7rem 0.45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td a, h3 a { color: inherit; }
@media (min-width: 641px) { td a.again { display: none; } }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); font-weight: 600; }
.gauge { display: block; width: 100%; min-width: 9rem; height: 16px; overflow: visible; }
.gauge .track { fill: var(--track); }
.gauge .range { fill: var(--out); opacity: 0.38; }
.gauge .median { fill: var(--out); }
.gauge .budget { stroke: var(--budget); stroke-width: 1.6; }
.scenario header { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: baseline; }
.scenario header code { color: var(--soft); font-size: 0.84rem; }
ul.guarantees { list-style: none; margin: 0.8rem 0 0; padding: 0; font-size: 0.92rem; }
ul.guarantees li { padding: 0.2rem 0 0.2rem 1.5rem; position: relative; }
ul.guarantees li::before { content: "✓"; position: absolute; left: 0.1rem; color: var(--good); font-weight: 700; }
ul.guarantees li.broken::before { content: "✗"; color: var(--bad); }
.timeline { margin: 1rem 0 0; }
.axis { position: relative; height: 1.3rem; font-size: 0.74rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.axis, .row .bar { margin-left: 0; }
.row { display: grid; grid-template-columns: 11rem 1fr 6rem; gap: 0 0.8rem; align-items: center; padding: 0.12rem 0; }
.axis { margin-left: calc(11rem + 0.8rem); margin-right: calc(6rem + 0.8rem); }
.who { font-size: 0.84rem; font-weight: 550; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.who i { font-style: normal; font-weight: 400; color: var(--soft); margin-left: 0.5em; font-size: 0.92em; }
.bar { position: relative; height: 14px; background: var(--track); border-radius: 4px; overflow: hidden; }
.bar span { position: absolute; top: 0; bottom: 0; }
.bar .in { background: var(--in); }
.bar .out { background: var(--out); }
.bar .gone { background: repeating-linear-gradient(45deg, var(--gone) 0 5px, var(--out) 5px 8px); }
.bar .mark { width: 0; border-left: 1.5px solid var(--ink); opacity: 0.75; }
.told { font-size: 0.82rem; color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; }
.told.touched { color: var(--ink); }
.told.bad { color: var(--bad); font-weight: 600; }
.marks { list-style: none; margin: 0.8rem 0 0; padding: 0; font-size: 0.84rem; color: var(--soft); columns: 2; column-gap: 2rem; }
.marks li { break-inside: avoid; padding-left: 1.5rem; text-indent: -1.5rem; }
.marks b { display: inline-block; min-width: 1.5rem; text-indent: 0; color: var(--ink); }
.marks span { font-variant-numeric: tabular-nums; color: var(--ink); }
.runbook { border-left: 3px solid var(--region); padding: 0.1rem 0 0.1rem 0.9rem; margin: 0.9rem 0 0; font-size: 0.92rem; }
details summary { cursor: pointer; font-weight: 600; }
details[open] summary { margin-bottom: 0.6rem; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, monospace; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  .row { grid-template-columns: 1fr auto; gap: 0 0.6rem; padding: 0.25rem 0; }
  .row .bar { grid-row: 2; grid-column: 1 / -1; }
  .axis { margin-left: 0; margin-right: 0; }
  .marks { columns: 1; }
  .map .region text { font-size: 15px; }
  table.wide td:empty { display: none; }
  table.wide td[data-head=""]::before { content: none; }
  table.wide thead { display: none; }
  table.wide, table.wide tbody, table.wide tr, table.wide td { display: block; width: 100%; }
  table.wide tr { padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
  table.wide td { border: 0; padding: 0.1rem 0; text-align: left; white-space: normal; overflow-wrap: anywhere; }
  table.wide td[data-head]::before { content: attr(data-head) ": "; color: var(--soft); }
}
@media print { body { background: #fff; } .card { break-inside: avoid; } }
`;
