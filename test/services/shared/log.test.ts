import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createLog, withoutSecrets } from "../../../services/shared/log.ts";

let written: string[];
const write = (line: string): void => {
  written.push(line);
};
beforeEach(() => {
  written = [];
});

/** A real token's shape: three parts in base64url, the first of which begins with `{"`. */
const JWT =
  "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrZXkiLCJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

describe("a log", () => {
  it("writes one line of JSON per event, with the service, the region and the time", () => {
    const log = createLog("rooms", "eu", write);
    log.info("listening", { port: 8080 });
    log.warn("slow");
    log.error("broken", { reasons: ["a", "b"] });
    expect(written.every((line) => line.endsWith("\n"))).toBe(true);
    const events = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
    const common = { time, service: "rooms", region: "eu" };
    expect(events).toEqual([
      { ...common, level: "info", message: "listening", port: 8080 },
      { ...common, level: "warn", message: "slow" },
      { ...common, level: "error", message: "broken", reasons: ["a", "b"] },
    ]);
  });

  it("leaves out what is below its level", () => {
    const log = createLog("rooms", "eu", write, "error");
    log.info("listening");
    log.warn("slow");
    expect(written).toEqual([]);
    log.error("broken");
    expect(written).toHaveLength(1);
  });

  it("leaves out fields that hold secrets by their name", () => {
    createLog("rooms", "eu", write).info("request", {
      token: "hidden-1",
      authorization: "hidden-2",
      query: "hidden-3",
      path: "/rtc",
    });
    expect(written.join()).not.toContain("hidden");
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ token: "[redacted]", path: "/rtc" });
  });

  it.each([
    [`GET /rtc?access_token=${JWT}&sdk=js`, "GET /rtc?access_token=[redacted]&sdk=js"],
    [`refused ${JWT}: expired`, "refused [redacted]: expired"],
    [`cut off in the middle: ${JWT.slice(0, 40)}`, "cut off in the middle: [redacted]"],
    ["authorization Bearer abc.def-_~+/=", "authorization Bearer [redacted]"],
    [
      "cannot reach rediss://user:hidden@valkey:6379",
      "cannot reach rediss://[redacted]@valkey:6379",
    ],
    ["eyJ is no token, and neither is key=value", "eyJ is no token, and neither is key=value"],
  ])("leaves no secret in a text: %s", (text, left) => {
    expect(withoutSecrets(text)).toBe(left);
    const log = createLog("rooms", "eu", write);
    log.error(text, { reason: text, all: [text] });
    expect(JSON.parse(written[0] ?? "")).toMatchObject({
      message: left,
      reason: left,
      all: [left],
    });
  });

  it("stays one line of JSON whatever is in it, and holds no token that was in it", () => {
    const log = createLog("rooms", "eu", write);
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        written = [];
        log.info(before, { text: `${before} ${JWT} ${after}`, access: `?access_token=${after}` });
        const [line = ""] = written;
        expect(line.indexOf("\n")).toBe(line.length - 1);
        const event = JSON.parse(line) as Record<string, unknown>;
        expect(event["message"]).toBe(withoutSecrets(before));
        expect(line).not.toContain(JWT.slice(0, 30));
      }),
    );
  });
});
