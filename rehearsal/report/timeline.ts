import type { ParticipantResult, ScenarioResult } from "../drill/result.ts";
import { duration, html, type Markup } from "./html.ts";

/** So many lines on the scale at the most. */
const MOST_TICKS = 7;
const STEPS_SECONDS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300];

/** How much is shown before the fault and after the last who came back. */
const LEAD_MS = 1500;

interface Scale {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One row for each participant, through the fault; rows of one room stand together. */
export function timeline(scenario: ScenarioResult): Markup {
  const scale = scaleOf(scenario);
  const rooms = [...new Set(scenario.participants.map(({ room }) => room))];
  return html`<figure class="timeline" aria-label="Timeline of ${scenario.title}">
    <div class="axis" aria-hidden="true">
      ${ticks(scale).map(
        (ms) => html`<span style="left:${percent(ms, scale)}%">${tickText(ms)}</span>`,
      )}
    </div>
    <div class="rows">
      ${rooms.map(
        (name) =>
          html`<div class="room">
            <h4>${name}</h4>
            ${scenario.participants
              .filter(({ room }) => room === name)
              .map((one) => row(one, scenario, scale))}
          </div>`,
      )}
    </div>
    <figcaption>
      <ol class="marks">
        ${scenario.marks.map(
          ({ atMs, what }, index) =>
            html`<li><b>${index + 1}</b> <span>${signed(atMs)}</span> ${what}</li>`,
        )}
      </ol>
    </figcaption>
  </figure>`;
}

function row(one: ParticipantResult, scenario: ScenarioResult, scale: Scale): Markup {
  const told = one.gaveUp ? "gave up" : one.isAffected ? duration(one.outMs) : "not touched";
  return html`<div class="row" data-participant="${one.identity}">
    <span class="who">${one.identity}<i>${one.client}, ${one.place}</i></span>
    <div class="bar">
      ${one.spans.map((span) => {
        const left = percent(span.fromMs, scale);
        const width = percent(span.toMs, scale) - left;
        return width <= 0
          ? html``
          : html`<span
              class="${span.state}"
              style="left:${round(left)}%;width:${round(width)}%"
              title="${span.state}: ${signed(span.fromMs)} to ${signed(span.toMs)}"
            ></span>`;
      })}
      ${scenario.marks.map(
        ({ atMs, what }, index) =>
          html`<span
            class="mark"
            style="left:${percent(atMs, scale)}%"
            title="${index + 1}: ${what}"
          ></span>`,
      )}
    </div>
    <span class="told ${one.gaveUp || one.outMs === null ? "bad" : one.isAffected ? "touched" : ""}"
      >${told}</span
    >
  </div>`;
}

/** From shortly before the fault to shortly after the last change. */
function scaleOf({ participants, marks }: ScenarioResult): Scale {
  const spans = participants.flatMap((one) => one.spans);
  const ends = spans.filter(({ state }) => state !== "in").map(({ toMs }) => toMs);
  const moments = marks.map(({ atMs }) => atMs);
  const last = Math.max(1000, ...ends, ...moments);
  const first = Math.max(
    Math.min(0, ...moments),
    Math.min(0, ...spans.map(({ fromMs }) => fromMs)),
  );
  return { fromMs: Math.min(first, 0) - LEAD_MS, toMs: last + Math.max(LEAD_MS, last * 0.08) };
}

function ticks({ fromMs, toMs }: Scale): readonly number[] {
  const length = (toMs - fromMs) / 1000;
  const step = (STEPS_SECONDS.find((seconds) => length / seconds <= MOST_TICKS) ?? 600) * 1000;
  const first = Math.ceil(fromMs / step) * step;
  return Array.from({ length: Math.floor((toMs - first) / step) + 1 }, (_, n) => first + n * step);
}

function percent(ms: number, { fromMs, toMs }: Scale): number {
  return round(Math.min(100, Math.max(0, ((ms - fromMs) / (toMs - fromMs)) * 100)));
}

function round(value: number): number {
  return Number(value.toFixed(2));
}

function tickText(ms: number): string {
  return ms === 0 ? "0 s" : `${ms < 0 ? "−" : ""}${Math.abs(ms) / 1000} s`;
}

function signed(ms: number): string {
  return `${ms < 0 ? "−" : "+"}${duration(Math.abs(ms))}`;
}
