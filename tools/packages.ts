import { onPath } from "./tools.ts";

/** Browsers that the tests can drive, the first one found is used. */
const BROWSERS = ["chromium", "chromium-browser", "google-chrome"] as const;

/** Where the browser is. @throws if there is none */
export function browserPath(): string {
  for (const name of BROWSERS) {
    const path = onPath(name);
    if (path !== undefined) {
      return path;
    }
  }
  throw new Error(`Tool "chromium": not found on PATH. Run script/setup.`);
}
