import type { FleetStatus } from "./region-status.ts";
import { statusTable } from "./status-text.ts";

/** The status as Markdown. */
export function reportMarkdown(status: FleetStatus, troubles: readonly string[]): string {
  const { head, rows, notes } = statusTable(status);
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", "<br>")).join(" | ")} |`;
  return [
    `# Fleet of ${status.domain}, ${status.at}`,
    "",
    ...(troubles.length === 0
      ? ["All is well."]
      : ["Not well:", "", ...troubles.map((trouble) => `- ${trouble}`)]),
    "",
    line(["", ...head]),
    line(["---", ...head.map(() => "---")]),
    ...rows.map(({ name, cells }) => line([name, ...cells])),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => `- ${note}`)]),
  ].join("\n");
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1b1b; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #d5d5d5; padding: .35rem .6rem; text-align: left; vertical-align: top; white-space: pre-line }
tbody th { font-weight: 600; width: 10rem }
.well { color: #18602f } .trouble { color: #96200e }
@media (prefers-color-scheme: dark) {
  body { color: #e8e8e8; background: #161616 } th, td { border-color: #3d3d3d }
  .well { color: #7fd39a } .trouble { color: #ff9d8a }
}`;

/** The status as one HTML file that loads nothing. */
export function reportHtml(status: FleetStatus, troubles: readonly string[]): string {
  const { head, rows, notes } = statusTable(status);
  const cells = (tag: "th" | "td", texts: readonly string[]): string =>
    texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("");
  const title = escaped(`Fleet of ${status.domain}`);
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>${title}</title><style>${STYLE}</style></head><body>`,
    `<h1>${title}</h1><p>${escaped(status.at)}</p>`,
    troubles.length === 0
      ? `<p class="well">All is well.</p>`
      : `<h2>Not well</h2><ul>${troubles.map((it) => `<li class="trouble">${escaped(it)}</li>`).join("")}</ul>`,
    `<h2>Regions</h2><table><thead><tr>${cells("th", ["", ...head])}</tr></thead><tbody>`,
    ...rows.map((row) => `<tr>${cells("th", [row.name])}${cells("td", row.cells)}</tr>`),
    "</tbody></table>",
    ...notes.map((note) => `<p>${escaped(note)}</p>`),
    "</body></html>",
  ].join("\n");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
