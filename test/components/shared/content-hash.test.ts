import * as fc from "fast-check";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { contentHash, hashedName } from "../../../components/shared/content-hash.ts";
import { value } from "../../support/record.ts";

describe("the hash of files", () => {
  it("does not depend on the order of the files", () => {
    expect(contentHash({ a: "1", b: "2" })).toBe(contentHash({ b: "2", a: "1" }));
  });

  it("tells apart files whose names and contents only join to the same text", () => {
    expect(contentHash({ ab: "c" })).not.toBe(contentHash({ a: "bc" }));
    expect(contentHash({ a: "1", b: "2" })).not.toBe(contentHash({ a: "1b1:2" }));
  });

  it("changes with any content and is ten hexadecimal digits", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        const hashes = [contentHash({ file: left }), contentHash({ file: right })];
        expect(hashes[0]).toMatch(/^[0-9a-f]{10}$/);
        expect(hashes[0] === hashes[1]).toBe(left === right);
      }),
    );
  });
});

describe("a name with the hash of secret files", () => {
  it("is no secret and says nothing of them", async () => {
    const name = hashedName("livekit", pulumi.secret({ file: "content" }));
    expect(await pulumi.isSecret(name)).toBe(false);
    expect(await value(name)).toBe(`livekit-${contentHash({ file: "content" })}`);
  });
});
