import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportPage } from "../../rehearsal/report/page.ts";
import { browserPath } from "../../tools/programs.ts";
import { sampleResult } from "../rehearsal/report/sample-result.ts";

/** The report in a real browser: it opens by itself, asks for nothing, and can be read on a telephone. */
const WIDTHS = [360, 1280] as const;

const result = sampleResult();
let folder: string;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "meet-report-"));
  writeFileSync(join(folder, "report.html"), reportPage(result));
  browser = await chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox"] });
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The page, and whatever the browser said or asked for while it opened. */
async function open(
  width: number,
  colorScheme: "light" | "dark" = "light",
): Promise<{ readonly page: Page; readonly said: readonly string[] }> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
  });
  const page = await context.newPage();
  const said: string[] = [];
  const address = pathToFileURL(join(folder, "report.html")).href;
  page.on("console", (message) => said.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error: ${String(error)}`));
  page.on("request", (request) => {
    if (request.url() !== address && !request.url().startsWith("data:")) {
      said.push(`request: ${request.url()}`);
    }
  });
  await page.goto(address, { waitUntil: "load" });
  const shots = process.env["MEET_REPORT_SHOTS"];
  if (shots !== undefined) {
    await page.screenshot({ path: join(shots, `${width}-${colorScheme}.png`), fullPage: true });
  }
  return { page, said };
}

describe.each(WIDTHS)("at %d pixels", (width) => {
  it("opens without a word on the console and without a request", async () => {
    const { said } = await open(width);
    expect(said).toEqual([]);
  });

  it("shows one row for each participant of each scenario, with a bar that can be seen", async () => {
    const { page } = await open(width);
    for (const { name, participants } of result.scenarios) {
      const rows = page.locator(`#${name} [data-participant]`);
      expect(await rows.count()).toBe(participants.length);
      for (const [index] of participants.entries()) {
        const bar = await rows.nth(index).locator(".bar").boundingBox();
        expect(bar?.width).toBeGreaterThan(150);
        expect(bar?.height).toBeGreaterThan(8);
      }
      const gone = participants.filter(({ isAffected }) => isAffected).length;
      expect(await page.locator(`#${name} .bar .out`).count()).toBe(gone);
    }
  });

  it("needs no scrolling to the side, and no text is smaller than 11 pixels", async () => {
    const { page } = await open(width);
    const found = await page.evaluate<{ readonly over: number; readonly small: string[] }>(`({
      over: document.documentElement.scrollWidth - window.innerWidth,
      small: [...document.querySelectorAll("main *:not(svg *)")]
        .filter((one) => one.childNodes.length > 0 && parseFloat(getComputedStyle(one).fontSize) < 11)
        .map((one) => one.outerHTML.slice(0, 80)),
    })`);
    expect(found).toEqual({ over: 0, small: [] });
  });
});

describe("the reader's colours", () => {
  it.each(["light", "dark"] as const)(
    "%s: text stands out from what is behind it",
    async (scheme) => {
      const { page } = await open(1280, scheme);
      // Relative luminance as WCAG 2 defines it; 4.5 is what it asks for.
      const ratios = await page.evaluate<number[]>(`(() => {
      const luminance = (color) => {
        const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map((one) => one / 255)
          .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = (one) => {
        for (let at = one; at; at = at.parentElement) {
          const color = getComputedStyle(at).backgroundColor;
          if (!/, 0\\)$/.test(color)) return color;
        }
        return "rgb(255, 255, 255)";
      };
      return ["body", "h1", ".soft", ".verdict", ".told", ".who i", "td", "h4", ".marks li", ".bad"].map((selector) => {
        const one = document.querySelector(selector);
        const [a, b] = [luminance(getComputedStyle(one).color), luminance(behind(one))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      });
    })()`);
      expect(Math.min(...ratios)).toBeGreaterThanOrEqual(4.5);
      expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe(
        scheme === "light" ? "rgb(251, 250, 248)" : "rgb(18, 22, 28)",
      );
    },
  );
});
