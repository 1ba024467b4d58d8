import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { browserPath } from "../../tools/programs.ts";
import { outage, type Beat, type Outage } from "./outage.ts";
import { localPlace, type Place } from "../network/place.ts";

/** Something that happened in a tab; `at` in milliseconds since the epoch. */
export interface TabNote {
  readonly at: number;
  readonly what:
    | "connected"
    | "reconnecting"
    | "reconnected"
    | "disconnected"
    | "sid"
    /** New frames decoded, or sound heard, from the person named in the detail. */
    | "video"
    | "audio";
  readonly detail: string;
}

/** Chromium takes camera and microphone only on a secure origin, which localhost is; no server is behind it. */
const ORIGIN = "http://localhost";
const PAGE = new URL("browser-page.html", import.meta.url);
const CLIENT = createRequire(import.meta.url).resolve("livekit-client");

const FLAGS = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  // Tabs that are not in front go on as if they were.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // Regions under test have private addresses, which a page may not open without being asked.
  "--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns",
  "--no-sandbox",
];

/** A headless Chromium in a place, with livekit-client 2.21.0 and a fake camera and microphone. */
export class BrowserClients {
  private readonly browser: Browser;
  private readonly folder: string;

  private constructor(browser: Browser, folder: string) {
    this.browser = browser;
    this.folder = folder;
  }

  /** @default on this machine */
  static async start(place: Place = localPlace): Promise<BrowserClients> {
    const folder = mkdtempSync(join(tmpdir(), "meet-browser-"));
    const executablePath = launcher(folder, place);
    const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
    return new BrowserClients(browser, folder);
  }

  /** Opens a tab of its own profile and joins with camera and microphone. */
  async join(options: {
    readonly identity: string;
    readonly url: string;
    readonly token: string;
  }): Promise<BrowserTab> {
    const context = await this.browser.newContext({ permissions: ["camera", "microphone"] });
    const page = await context.newPage();
    const tab = new BrowserTab(options.identity, context, page);
    await page.route(`${ORIGIN}/**`, (route) =>
      route.request().url().endsWith(".js")
        ? route.fulfill({ contentType: "text/javascript", body: readFileSync(CLIENT, "utf8") })
        : route.fulfill({ contentType: "text/html", body: readFileSync(PAGE, "utf8") }),
    );
    await page.goto(`${ORIGIN}/`);
    const [url, token] = [options.url.replace(/^http/, "ws"), options.token];
    await page.evaluate(`window.meet.join(${JSON.stringify(url)}, ${JSON.stringify(token)})`);
    return tab;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One tab with one participant. */
export class BrowserTab {
  readonly identity: string;
  /** What the page wrote to its console, for a failure's message. */
  readonly console: string[] = [];
  private readonly context: BrowserContext;
  private readonly page: Page;

  constructor(identity: string, context: BrowserContext, page: Page) {
    this.identity = identity;
    this.context = context;
    this.page = page;
    page.on("console", (message) => this.console.push(message.text()));
    page.on("pageerror", (error) => this.console.push(String(error)));
  }

  /** Everything noted so far. */
  async notes(): Promise<TabNote[]> {
    return await this.page.evaluate<TabNote[]>("window.meet.notes");
  }

  /** Sid of the room it is in. */
  async roomSid(): Promise<string | undefined> {
    return (await this.notes()).filter(({ what }) => what === "sid").at(-1)?.detail;
  }

  /** Identities of the others in the room. */
  async people(): Promise<string[]> {
    return await this.page.evaluate<string[]>("window.meet.people()");
  }

  /** Decoded frames and sound of another person, counted by looks every 50 ms. */
  async heard(from: string): Promise<{ readonly video: number; readonly audio: number }> {
    const notes = (await this.notes()).filter(({ detail }) => detail === from);
    const count = (what: TabNote["what"]): number =>
      notes.filter((one) => one.what === what).length;
    return { video: count("video"), audio: count("audio") };
  }

  /** Waits until video and audio of each of the others have come after a moment. */
  async untilSees(
    others: readonly string[],
    options: { readonly after?: number; readonly seconds?: number } = {},
  ): Promise<void> {
    const { after = 0, seconds = 20 } = options;
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const notes = (await this.notes()).filter(({ at }) => at >= after);
      const has = (what: string, from: string): boolean =>
        notes.some((note) => note.what === what && note.detail === from);
      if (others.every((other) => has("video", other) && has("audio", other))) {
        return;
      }
      if (Date.now() > deadline) {
        const own = notes.filter(({ what }) => what !== "video" && what !== "audio");
        throw new Error(
          `${this.identity} did not see and hear ${others.join(", ")} in ${seconds} s: ` +
            `${JSON.stringify(own)}\n${this.console.slice(-20).join("\n")}`,
        );
      }
      await sleep(50);
    }
  }

  /** How long it was out, from a moment on until now. The fake microphone beeps once a second, so video tells more. */
  async outage(
    others: readonly string[],
    since: number,
    kind: "video" | "audio" = "video",
  ): Promise<Outage> {
    const notes = await this.notes();
    const times = (...kinds: readonly string[]): number[] =>
      notes.filter(({ what }) => kinds.includes(what)).map(({ at }) => at);
    const beats: Beat[] = notes
      .filter(({ what }) => what === kind)
      .map(({ at, detail }) => ({ at, from: detail }));
    const diary = {
      beats,
      lost: times("reconnecting", "disconnected"),
      back: times("reconnected"),
    };
    return outage(diary, others, since, Date.now());
  }

  /** Leaves as a person does, and closes the tab. */
  async leave(): Promise<void> {
    await this.page.evaluate("window.meet.leave()");
    await this.context.close();
  }
}

/** Playwright starts a program; in a namespace that is a script which starts Chromium there. */
function launcher(folder: string, place: Place): string {
  const { command } = place;
  const path = join(folder, "chromium");
  const words = [...command, browserPath()].map((word) => `'${word}'`).join(" ");
  writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
