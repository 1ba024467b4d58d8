import { describe, expect, it } from "vitest";
import * as z from "zod";
import { EXIT } from "../../fleet/exit.ts";
import { gatewayEndpoints, Gateways } from "../../fleet/gateways.ts";
import { operatorName, operatorSecret } from "../../fleet/world.ts";
import { repositoryFiles } from "../support/fleets.ts";
import { checkedFleet } from "../../fleet/stack-files.ts";

const GET = { method: "GET", path: "status" } as const;
const POST = { method: "POST", path: "undrain" } as const;
const OK = z.object({ ok: z.boolean() });

/** Gateways that give these answers one after another; an Error is a connection that fails. */
function answering(...answers: readonly (Response | Error)[]) {
  const waiting = [...answers];
  const urls: string[] = [];
  const gateways = new Gateways({
    endpoints: new Map([
      ["eu", "http://eu.test"],
      ["us", "http://us.test"],
    ]),
    secret: "operators",
    operator: "ann",
    sleep: () => Promise.resolve(),
    fetch: (url) => {
      urls.push(url instanceof Request ? url.url : url.toString());
      const next = waiting.shift() ?? new Error("no answer is left");
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
  });
  return { gateways, urls };
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

const GONE = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });

describe("a call to a gateway", () => {
  it("is repeated if it only reads", async () => {
    const { gateways, urls } = answering(GONE, GONE, json({ ok: true }));
    expect(await gateways.ask("eu", GET, OK)).toEqual({ ok: true });
    expect(urls).toEqual(Array(3).fill("http://eu.test/admin/v1/status"));
  });

  it("is never repeated if it changes something", async () => {
    const { gateways, urls } = answering(GONE, json({ ok: true }));
    await expect(gateways.ask("eu", POST, OK)).rejects.toThrow(
      'Region "eu": its gateway does not answer at http://eu.test (connect ECONNREFUSED).',
    );
    expect(urls).toHaveLength(1);
  });

  it("passes on the gateway's own sentence, and asks no other region then", async () => {
    const { gateways, urls } = answering(json({ error: 'Room "a": it is not here.' }, 409));
    await expect(gateways.askAny(["eu", "us"], GET, OK)).rejects.toThrow(
      'Region "eu": Room "a": it is not here.',
    );
    expect(urls).toHaveLength(1);
  });

  it("goes to the next region when one is silent", async () => {
    const { gateways, urls } = answering(GONE, GONE, GONE, json({ ok: true }));
    await gateways.askAny(["eu", "us"], GET, OK);
    expect(urls.at(-1)).toBe("http://us.test/admin/v1/status");
  });

  it("says what to do when the secret is refused", async () => {
    const { gateways } = answering(json({ error: "Request: the token …" }, 401));
    await expect(gateways.ask("eu", GET, OK)).rejects.toThrow(
      /does not take the operators' secret .*Run fleet up eu/,
    );
  });

  it("tells a balancer without a gateway behind it from a gateway", async () => {
    const { gateways } = answering(...[1, 2, 3].map(() => new Response("<html>", { status: 503 })));
    await expect(gateways.ask("eu", GET, OK)).rejects.toThrow(
      'Region "eu": http://eu.test answers 503, and not as a gateway does.',
    );
  });

  it("says so when an answer is of another version", async () => {
    const { gateways } = answering(json({ ok: "yes" }));
    await expect(gateways.ask("eu", GET, OK)).rejects.toThrow(/answer is not understood \(.*ok/);
  });

  it("needs an address", async () => {
    await expect(answering().gateways.ask("ap", POST, OK)).rejects.toThrow(
      'Region "ap": its gateway\'s address is not known. Name it in MEET_FLEET_ENDPOINTS.',
    );
  });

  it("shows no secret in its sentences", async () => {
    const failure = answering(GONE).gateways.ask("eu", POST, OK);
    await expect(failure).rejects.not.toThrow(/operators"|Bearer|eyJ/);
  });
});

describe("the gateways' addresses", () => {
  it("are the regional names, unless the variable names others", () => {
    const variable = JSON.stringify({ us: "http://127.0.0.1:8080" });
    expect([...gatewayEndpoints(["eu", "us"], "example.org", variable)]).toEqual([
      ["eu", "https://livekit.eu.example.org"],
      ["us", "http://127.0.0.1:8080"],
    ]);
  });

  it.each(["nonsense", '{"eu": 1}', '{"eu": "ftp://x"}', "[]"])(
    "are refused from the variable %s",
    (variable) => {
      expect(() => gatewayEndpoints(["eu"], "example.org", variable)).toThrow(
        'Variable "MEET_FLEET_ENDPOINTS": it is no JSON of region to URL.',
      );
    },
  );
});

describe("the operators' secret", () => {
  const fleet = checkedFleet(repositoryFiles());
  const outputs = (sharedSecrets: unknown) => ({
    outputs: () => Promise.resolve({ sharedSecrets }),
  });

  it("is the primary's", async () => {
    const stacks = outputs({ operatorSecret: "abc", peerSecret: "def" });
    expect(await operatorSecret(fleet, stacks, undefined)).toBe("abc");
  });

  it.each([undefined, {}, { operatorSecret: 1 }])("cannot be had from %j", async (found) => {
    await expect(operatorSecret(fleet, outputs(found), undefined)).rejects.toThrow(
      /^Stack "eu": its output sharedSecrets has no operators' secret that can be read\. Run fleet up eu/,
    );
  });

  it("can be in a file, which must be readable", async () => {
    await expect(
      operatorSecret(fleet, outputs(undefined), "/nowhere/secret"),
    ).rejects.toMatchObject({
      message:
        'Variable "MEET_FLEET_OPERATOR_SECRET_FILE": the file /nowhere/secret cannot be read. Correct the path, or unset it.',
      exit: EXIT.wrongUse,
    });
  });
});

describe("the operator's name", () => {
  it.each([
    ["ann", "ann"],
    ["Ann Example", "Ann-Example"],
    ["-é-", "operator"],
    ["x".repeat(200), "x".repeat(100)],
  ])("%s is sent as %s", (name, sent) => {
    expect(operatorName(name)).toBe(sent);
  });
});
