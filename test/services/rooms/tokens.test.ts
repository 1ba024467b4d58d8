import { createHmac } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { SecretFile } from "../../../services/shared/secret-file.ts";
import { verifyJoinToken } from "../../../services/rooms/tokens/join-token.ts";
import { verifyLiveKitToken } from "../../../services/rooms/tokens/jwt.ts";
import { KeyRing, type KeyFiles } from "../../../services/rooms/tokens/key-ring.ts";
import { joinToken } from "../../../rehearsal/clients/tokens.ts";
import { API_KEY, OLD_API_KEY } from "../../support/rooms/signalling-gateway.ts";

const NOW = 1_800_000_000;
const keys = {
  secretOf: (apiKey: string) =>
    [API_KEY, OLD_API_KEY].find((key) => key.apiKey === apiKey)?.apiSecret,
};

function signed(payload: unknown, header: unknown = { alg: "HS256" }, key = API_KEY): string {
  const text = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = createHmac("sha256", key.apiSecret).update(text).digest("base64url");
  return `${text}.${signature}`;
}

const good = {
  iss: API_KEY.apiKey,
  sub: "ada",
  exp: NOW + 600,
  video: { room: "room", roomJoin: true },
};

function faultOf(token: string): string | undefined {
  const verified = verifyJoinToken(token, keys, NOW);
  return verified.ok ? undefined : verified.fault;
}

describe("a join token", () => {
  it("of Meet's names the room, the person, and whether the room is theirs", async () => {
    const options = { key: API_KEY, room: "room", identity: "ada", nowSeconds: NOW };
    const member = verifyJoinToken(await joinToken(options), keys, NOW);
    const owner = verifyJoinToken(await joinToken({ ...options, isOwner: true }), keys, NOW);
    expect(member).toMatchObject({ ok: true, room: "room", identity: "ada", isOwner: false });
    expect(owner).toMatchObject({ ok: true, isOwner: true });
  });

  it("G.9: may be signed with the previous key", () => {
    const token = signed({ ...good, iss: OLD_API_KEY.apiKey }, { alg: "HS256" }, OLD_API_KEY);
    expect(faultOf(token)).toBeUndefined();
  });

  it.each([
    ["", "the token is not a JWT"],
    ["a.b", "the token is not a JWT"],
    ["a.b.", "the token is not a JWT"],
    [`${signed(good)}.x`, "the token is not a JWT"],
    [signed({ ...good, pad: "x".repeat(32_768) }), "the token is not a JWT"],
    ["a.b.c", "the token is not one of LiveKit's: HS256, with an issuer and an end"],
    [
      signed(good, { alg: "none" }),
      "the token is not one of LiveKit's: HS256, with an issuer and an end",
    ],
    [
      signed(good, { alg: "HS512" }),
      "the token is not one of LiveKit's: HS256, with an issuer and an end",
    ],
    [
      signed({ ...good, iss: undefined }),
      "the token is not one of LiveKit's: HS256, with an issuer and an end",
    ],
    [
      signed({ ...good, exp: undefined }),
      "the token is not one of LiveKit's: HS256, with an issuer and an end",
    ],
    [signed({ ...good, iss: "nobody" }), "the token's issuer is not an API key of this deployment"],
    [
      signed({ ...good, iss: "__proto__" }),
      "the token's issuer is not an API key of this deployment",
    ],
    [signed(good, { alg: "HS256" }, OLD_API_KEY), "the token's signature does not verify"],
    [signed(good).slice(0, -2), "the token's signature does not verify"],
    [signed({ ...good, exp: NOW - 61 }), "the token has expired"],
    [signed({ ...good, nbf: NOW + 61 }), "the token is not good yet"],
    [signed({ ...good, video: undefined }), "the token does not allow this"],
    [signed({ ...good, video: { room: "room" } }), "the token does not allow this"],
    [signed({ ...good, video: { room: "", roomJoin: true } }), "the token does not allow this"],
    [signed({ ...good, video: { roomJoin: true } }), "the token does not allow this"],
    [signed({ ...good, sub: "" }), "the token does not allow this"],
  ])("is refused where it is not in order: %.20s: %s", (token, fault) => {
    expect(faultOf(token)).toBe(fault);
  });

  it("is given a minute for clocks that differ", () => {
    expect(faultOf(signed({ ...good, exp: NOW - 59 }))).toBeUndefined();
    expect(faultOf(signed({ ...good, nbf: NOW + 59 }))).toBeUndefined();
  });

  it("is told from others whatever is done to the text of its signature", () => {
    const token = signed(good);
    const idOf = (text: string): string | undefined => {
      const verified = verifyJoinToken(text, keys, NOW);
      return verified.ok ? verified.id : undefined;
    };
    expect(idOf(`${token}=`)).toBe(idOf(token));
    expect(idOf(signed({ ...good, sub: "bob" }))).not.toBe(idOf(token));
    expect(token).not.toContain(idOf(token));
  });

  it("that is anything at all breaks nothing, and no word of it is in the fault", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", minLength: 12 }),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc
        .record({
          alg: fc.constant("HS256"),
          iss: fc.constantFrom("meet", "x"),
          exp: fc.anything(),
        })
        .map((content) => Buffer.from(JSON.stringify(content)).toString("base64url")),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const fault = faultOf(parts.join("."));
        expect(fault).toBeTypeOf("string");
        for (const text of parts.filter((it) => it.length >= 12)) {
          expect(fault).not.toContain(text);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("with one byte changed is never let in", () => {
    const token = signed(good);
    fc.assert(
      fc.property(
        fc.nat(token.length - 2),
        fc.constantFrom("a", "Z", "0", "9", "_", "-", "."),
        (at, character) => {
          fc.pre(token[at] !== character);
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          expect(verifyJoinToken(changed, keys, NOW).ok).toBe(false);
        },
      ),
    );
  });
});

describe("the keys", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rooms-keys-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Writes a Secret as the kubelet mounts one: the files are links to a folder that a link leads to. */
  function mount(version: string, content: Readonly<Record<string, string>>): void {
    mkdirSync(join(folder, version));
    for (const [name, text] of Object.entries(content)) {
      writeFileSync(join(folder, version, name), text);
    }
    symlinkSync(version, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  }

  function open(name: string): SecretFile {
    const opened = SecretFile.open(join(folder, "..data", name), 1);
    if (!opened.ok) {
      throw new Error(opened.fault);
    }
    return opened.value;
  }

  function files(prefix: string): KeyFiles {
    return { apiKey: open(`${prefix}key`), secret: open(`${prefix}secret`) };
  }

  const first = { key: "one", secret: "first", "old-key": "zero", "old-secret": "zeroth" };
  const second = { key: "two", secret: "second", "old-key": "one", "old-secret": "first" };

  it("are the current one and the one before, by their names", () => {
    mount("v1", first);
    const ring = new KeyRing(files(""), files("old-"));
    expect(ring.current()).toEqual({ apiKey: "one", secret: "first" });
    expect(ring.all()).toHaveLength(2);
    expect([ring.secretOf("one"), ring.secretOf("zero"), ring.secretOf("none")]).toEqual([
      "first",
      "zeroth",
      undefined,
    ]);
    expect(new KeyRing(files("")).secretOf("zero")).toBeUndefined();
  });

  it("change all at once when their files do, whichever file is looked at first", () => {
    mount("v1", first);
    const current = files("");
    const ring = new KeyRing(current, files("old-"));
    mount("v2", second);
    current.secret.reload();
    expect(ring.all()).toEqual([
      { apiKey: "two", secret: "second" },
      { apiKey: "one", secret: "first" },
    ]);
    expect(ring.secretOf("zero")).toBeUndefined();
  });

  it("sign a token anew, each with its own name and all other claims as they are", () => {
    mount("v1", first);
    const ring = new KeyRing(files(""), files("old-"));
    const claims = {
      iss: "zero",
      sub: "Zoë",
      exp: 4_102_444_800,
      video: { room: "r" },
      sha256: "",
    };
    const zeroth = signed(claims, { alg: "HS256" }, { apiKey: "zero", apiSecret: "zeroth" });
    const [now = "", before] = ring.signedByEach(zeroth);
    expect(before).toBe(zeroth);
    const all = z.looseObject({});
    const verified = verifyLiveKitToken(now, ring, Date.now() / 1000, all);
    expect(verified).toMatchObject({ ok: true, claims: { ...claims, iss: "one" } });
    expect(new KeyRing(files("")).signedByEach(now)).toEqual([now]);
  });

  it("sign tokens of the gateway's own, which LiveKit verifies", () => {
    mount("v1", first);
    const ring = new KeyRing(files(""));
    const begin = Math.floor(Date.now() / 1000);
    const [header = "", payload = "", signature = ""] = ring
      .mint({ roomAdmin: true, room: "room" }, 120)
      .split(".");
    const decoded = (part: string): unknown =>
      JSON.parse(Buffer.from(part, "base64url").toString());
    expect(decoded(header)).toEqual({ alg: "HS256", typ: "JWT" });
    const { exp, nbf, ...claims } = decoded(payload) as { exp: number; nbf: number };
    expect(claims).toEqual({ iss: "one", video: { roomAdmin: true, room: "room" } });
    expect(nbf - begin).toBeLessThanOrEqual(1);
    expect(exp - nbf).toBe(120);
    const expected = createHmac("sha256", "first").update(`${header}.${payload}`);
    expect(signature).toBe(expected.digest("base64url"));
  });
});
