import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine, upArguments, type Engine } from "../support/engine/engine.ts";

const PROGRAM = `
import * as aws from "@pulumi/aws";
const bucket = new aws.s3.Bucket("store", { bucket: "one-of-a-kind-store" });
export const arn = bucket.arn;
`;

let source: string;
let engine: Engine;

beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), "meet-tiny-"));
  writeFileSync(join(source, "index.ts"), PROGRAM);
  writeFileSync(join(source, "package.json"), '{ "type": "module" }');
  const runtime = '{ name: nodejs, options: { typescript: false, nodeargs: "--import tsx" } }';
  writeFileSync(join(source, "Pulumi.yaml"), `name: tiny\nmain: index.ts\nruntime: ${runtime}\n`);
  engine = await startEngine({
    program: source,
    parts: ["index.ts", "package.json", "Pulumi.yaml"],
  });
  await engine.must(["stack", "init", "one"]);
  await engine.must(["config", "set", "aws:region", "eu-west-3", "--stack", "one"]);
});

afterAll(async () => {
  await engine.close();
  rmSync(source, { recursive: true });
});

describe("the real engine on the stand-in cloud", () => {
  it("makes what a preview announces, and a second update changes nothing", async () => {
    expect(await engine.changes("one")).toEqual({ create: 2 });
    await engine.must(upArguments("one"));
    const { resources, pending } = await engine.state("one");
    expect(pending).toBe(0);
    const bucket = resources.find(({ type }) => type === "aws:s3/bucket:Bucket");
    expect(bucket?.id).toBe("one-of-a-kind-store");
    expect(await engine.changes("one")).toEqual({});
  });

  it("tells a command that fails with its output", async () => {
    await expect(engine.must(["preview", "--stack", "nowhere"])).rejects.toThrow(
      /pulumi preview --stack nowhere ended with \d+:[^]*no stack named 'nowhere' found/,
    );
  });

  it("removes what it has made", async () => {
    await engine.must(["destroy", "--stack", "one", "--yes", "--non-interactive"]);
    expect((await engine.state("one")).resources).toEqual([]);
  });
});
