import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { text } from "../../rehearsal/cloud/values.ts";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startDeployedFleet } from "../support/engine/deployed-fleet.ts";
import type { Fleet } from "../support/engine/fleet.ts";
import { mediaRegionFile } from "../support/fleets.ts";
import {
  killedAt,
  runCommand,
  stepsOf,
  type CommandEnd,
  type CommandFleet,
} from "./fleet-commands.ts";

let fleet: Fleet;
let running: CommandFleet;
let tools: string;
/** Of eu and us, before the promotion. */
let oldFiles: readonly [eu: string, us: string];

/** What a preview of all regions says. */
const NOTHING = ["us", "eu", "ap"].map((stack) => `${stack}: nothing changed\n`).join("");

const LOST_REGION = "*eu-west-3*";

/** An `aws` that knows of a replica that was 4 s behind, and whose snapshots are available at once; it notes what it makes. */
const AWS = `#!/usr/bin/env node
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const made = __dirname + "/made";
const words = process.argv.slice(2);
const after = (option) => words[words.indexOf(option) + 1];
const name = after("--db-snapshot-identifier");
const has = existsSync(made) && readFileSync(made, "utf8").includes(name + "\\n");
if (words[0] === "cloudwatch") {
  const at = (minutes) => new Date(Date.now() - minutes * 60000).toISOString();
  const Datapoints = [{ Timestamp: at(0), Maximum: 1 }, { Timestamp: at(9), Maximum: 4 }];
  console.log(JSON.stringify({ Datapoints }));
} else if (words[1] === "create-db-snapshot") {
  appendFileSync(made, after("--db-instance-identifier") + " " + name + "\\n");
} else if (has) {
  console.log(JSON.stringify({ DBSnapshots: [{ Status: "available" }] }));
} else {
  console.error("An error occurred (DBSnapshotNotFound) when calling the DescribeDBSnapshots operation: none");
  process.exit(254);
}
`;

beforeAll(async () => {
  fleet = await startDeployedFleet();
  const media = mediaRegionFile("ap-northeast-1", "10.48.0.0/16");
  await fleet.add("ap", `${media}  meet:residency: eu-us\n`);
  await fleet.up("ap");
  tools = await mkdtemp(join(tmpdir(), "meet-aws-"));
  await writeFile(join(tools, "aws"), AWS);
  await chmod(join(tools, "aws"), 0o755);
  const { environment, program } = fleet.workspace;
  const path = [tools, environment["PATH"] ?? ""].join(delimiter);
  // The engine is killed in none of its steps, so it may write its state at their ends.
  running = { program, environment: { ...environment, ...CHECKPOINTS_AT_END, PATH: path } };
});

afterAll(async () => {
  await fleet.close();
  await rm(tools, { recursive: true, force: true });
});

function file(stack: string): Promise<string> {
  return readFile(join(fleet.workspace.program, `Pulumi.${stack}.yaml`), "utf8");
}

/** What all regions share, of which a promotion changes nothing: people's tokens are signed with it. */
async function secretsOf(stack: string): Promise<unknown> {
  const { stdout } = await fleet.must([
    ...["stack", "output", "sharedSecrets", "--show-secrets", "--json", "--stack", stack],
  ]);
  return JSON.parse(stdout);
}

const run = (...args: readonly string[]): Promise<CommandEnd> => runCommand(running, ...args);

/** Kills a command before each of its steps in turn, and lets it end then. */
async function killedBetween(
  steps: readonly string[],
  ...args: readonly string[]
): Promise<CommandEnd> {
  for (const step of steps) {
    await killedAt(running, step, ...args);
  }
  return run(...args);
}

function loseRegion(): void {
  fleet.running.cloud.faults.add({
    scope: LOST_REGION,
    times: Number.POSITIVE_INFINITY,
    action: { kind: "fail", errorCode: "RegionLost", message: "eu-west-3 does not answer" },
  });
}

describe("npx fleet promote, the primary's region lost", () => {
  it("shows loss and plan, and changes nothing without the region's name", async () => {
    loseRegion();
    const before = [await file("eu"), await file("us")];
    const planned = await run("promote", "us", "--dry-run");
    expect(planned.stdout, planned.stderr).toContain("The replica was 4 s behind at most");
    expect(planned.stdout).toContain(
      "The state of us has the replica; 3 secrets of eu can be read.",
    );
    expect(planned.stdout).toContain("us: promote the database, start Meet, take the name");
    expect((await run("promote", "us")).status).toBe(5);
    expect([await file("eu"), await file("us")]).toEqual(before);
  });

  it("killed between any two steps and called again, promotes in place with the same secrets", async () => {
    const secrets = await secretsOf("eu");
    oldFiles = [await file("eu"), await file("us")];
    const [database] = databasesIn("us-east-1");
    const copied = replications();
    const calls = fleet.running.cloud.calls.length;
    const steps = await stepsOf(running, "promote", "us");
    expect(steps).toHaveLength(4);
    const promoted = await killedBetween(steps, "promote", "us", "--confirm", "us");
    expect(promoted.stdout, promoted.stderr).toContain("Region us is the primary.");
    const made = fleet.running.cloud.calls.slice(calls);
    expect(made.filter(({ error }) => error !== "")).toEqual([]);
    expect(
      made.filter(({ type }) => type.startsWith("aws:rds/")).map(({ operation }) => operation),
    ).toEqual(["update"]);
    // Fenced first: the gateway that tells the others is out before the replica becomes a database of its own.
    const [gateway, change] = ["rooms", "database"].map((name) =>
      made.findIndex(
        ({ urn }) =>
          /(apps\/v1:Deployment|rds\/instance:Instance)::/.test(urn) && urn.endsWith(`::${name}`),
      ),
    );
    expect(gateway).toBeGreaterThanOrEqual(0);
    expect(change).toBeGreaterThan(gateway ?? 0);
    expect(await secretsOf("us")).toEqual(secrets);
    expect(databasesIn("us-east-1").map(({ id }) => id)).toEqual([database?.id]);
    expect(databasesIn("us-east-1")[0]?.state["replicateSourceDb"] ?? "").toBe("");
    expect(await fleet.strays("us")).toEqual({ orphans: [], lost: [] });
    // Of the region that only reads the new primary nothing is made anew.
    const inMedia = made.filter(({ urn }) => urn.startsWith("urn:pulumi:ap::"));
    expect(new Set(inMedia.map(({ operation }) => operation))).toEqual(new Set(["update"]));
    // No recording is out of reach, and all are copied as before.
    expect(replications()).toEqual(copied);
    const names = fleet.running.cloud.all(BUCKET).map(({ state }) => text(state, "bucket") ?? "");
    expect(names.length).toBe(3);
    const readable = policiesOf("us").flatMap(bucketsThatMayBeRead);
    expect(names.filter((name) => !readable.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  it("refuses the files of before, which a checkout may still have", async () => {
    const path = (stack: string): string => join(fleet.workspace.program, `Pulumi.${stack}.yaml`);
    const now = [await file("eu"), await file("us")] as const;
    const calls = fleet.running.cloud.calls.length;
    await writeFile(path("eu"), oldFiles[0]);
    await writeFile(path("us"), oldFiles[1]);
    const refused = await run("up", "--yes");
    await writeFile(path("eu"), now[0]);
    await writeFile(path("us"), now[1]);
    expect(refused.stderr).toMatch(
      /^Stack "us": its update of .* ran with meet:promotion.epoch 2, and the files here have none, with eu as the primary/,
    );
    expect([refused.status, refused.stdout]).toEqual([2, ""]);
    expect(fleet.running.cloud.calls.length).toBe(calls);
  });

  it("was in a region that does not answer: an update of it fails", async () => {
    const failed = await fleet.run([
      "up",
      "--stack",
      "eu",
      "--yes",
      "--non-interactive",
      "--skip-preview",
    ]);
    expect(failed.output).toMatch(/RegionLost|protected/);
    expect(failed.status).not.toBe(0);
  });
});

describe("npx fleet return, once the region answers", () => {
  it("killed between any two steps and called again, keeps the old database and makes a new replica beside it", async () => {
    fleet.running.cloud.faults.remove();
    const [old] = databasesIn("eu-west-3");
    const steps = await stepsOf(running, "return", "eu");
    expect(steps).toHaveLength(6);
    const returned = await killedBetween(steps, "return", "eu", "--confirm", "eu");
    expect(returned.stdout, returned.stderr).toContain("Region eu is the standby.");
    expect(await readFile(join(tools, "made"), "utf8")).toMatch(
      /^meet-eu\S* meet-eu\S*-before-epoch-2\n$/,
    );
    const [kept, replica, ...more] = databasesIn("eu-west-3");
    expect([kept?.id, kept?.state["replicateSourceDb"], more]).toEqual([old?.id, undefined, []]);
    expect(replica?.state["replicateSourceDb"]).toBe(databasesIn("us-east-1")[0]?.state["arn"]);
    expect(replica?.state["identifier"]).not.toBe(kept?.state["identifier"]);
    const { resources } = await fleet.state("eu");
    const inState = resources.filter(({ type }) => type === "aws:rds/instance:Instance");
    expect(inState.map(({ id }) => id)).toEqual([replica?.id]);
    expect(resources.filter(({ type }) => type === "meet:app:Backend")).toEqual([]);
    expect(await file("eu")).toContain("meet:role: standby");
  });

  it("leaves nothing to do in either region", async () => {
    const previewed = await run("preview", "--exit-code");
    expect(previewed.stdout, previewed.stderr).toBe(NOTHING);
    expect((await fleet.strays("eu")).lost).toEqual([]);
    expect((await fleet.strays("us")).lost).toEqual([]);
  });
});

const BUCKET = "aws:s3/bucket:Bucket";

/** Where each bucket's objects are copied, by the bucket's name. */
function replications(): ReadonlyMap<unknown, unknown> {
  const all = fleet.running.cloud.all("aws:s3/bucketReplicationConfig:BucketReplicationConfig");
  expect(all.map(({ urn, state }) => [urn, text(state, "bucket")])).toHaveLength(3);
  return new Map(all.map(({ state }) => [state["bucket"], state["rules"]]));
}

/** What the roles of a stack may do, each policy as text. */
function policiesOf(stack: string): readonly string[] {
  return fleet.running.cloud
    .all("aws:iam/rolePolicy:RolePolicy")
    .filter(({ urn }) => urn.startsWith(`urn:pulumi:${stack}::`))
    .map(({ state }) => text(state, "policy") ?? "");
}

const policySchema = z.object({
  Statement: z.array(z.object({ Sid: z.string().optional(), Resource: z.unknown() })),
});

/** Of the downloads' own policy, which names its statement so. */
function bucketsThatMayBeRead(policy: string): readonly RegExp[] {
  const { Statement: statements } = policySchema.parse(JSON.parse(policy));
  return statements
    .filter(({ Sid }) => Sid === "ReadMedia")
    .flatMap(({ Resource }) => z.array(z.string()).parse(Resource))
    .map((arn) => arn.replace(/^arn:aws:s3:::|\/.*$/g, "").replaceAll("*", ".*"))
    .map((pattern) => new RegExp(`^${pattern}$`));
}

const CACHE = "aws:elasticache/replicationGroup:ReplicationGroup";

const DATABASE = "aws:rds/instance:Instance";

/** What holds data in the regions, by URN and id: with its password, and how that came to be. */
function passwords(): ReadonlyMap<string, readonly [password: string, strategy: unknown]> {
  const things = fleet.running.cloud
    .all(CACHE, DATABASE)
    .map((thing): [string, readonly [string, unknown]] => {
      const { urn, id, state } = thing;
      const password = state[thing.type === CACHE ? "authToken" : "password"];
      const told = typeof password === "string" ? password : "";
      return [`${urn} ${id}`, [told, state["authTokenUpdateStrategy"]]];
    });
  return new Map(things);
}

/** Types and operations of the calls since then that were about what holds data. */
function callsSince(count: number): readonly string[] {
  const calls = fleet.running.cloud.calls.slice(count);
  expect(calls.filter(({ error }) => error !== "")).toEqual([]);
  const about = calls.filter(({ type }) => [CACHE, DATABASE].includes(type));
  return about.map(({ urn, operation }) => `${operation} ${urn.split("::").at(-1) ?? ""}`).sort();
}

describe("npx fleet secrets rotate, after promotion and return", () => {
  const seen = new Set<string>();
  let printed = "";
  const rotated = async (...words: readonly string[]): Promise<CommandEnd> => {
    const end = await run("secrets", "rotate", ...words, "--yes");
    printed += end.stdout + end.stderr;
    for (const [password] of passwords().values()) {
      seen.add(password);
    }
    return end;
  };

  it("killed in the middle and called again, gives the promoted database a new password in place, and Meet's pods a Secret with it", async () => {
    const before = passwords();
    const calls = fleet.running.cloud.calls.length;
    const plan = "generation 2 of database in Pulumi.us.yaml, then fleet up us";
    await killedAt(running, plan, "secrets", "rotate", "database", "--yes");
    const end = await rotated("database");
    expect(end.stdout, end.stderr).toContain("Secret database is of generation 2.");
    const after = passwords();
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect(callsSince(calls)).toEqual(["update database"]);
    const changed = [...after].filter(([key, [password]]) => before.get(key)?.[0] !== password);
    expect(changed.map(([key]) => key)).toEqual([
      expect.stringMatching(/^urn:pulumi:us::.*::database db-/),
    ]);
    const [, [password = ""] = []] = changed[0] ?? [];
    const secrets = fleet.running.cloud.all("kubernetes:core/v1:Secret");
    expect(secrets.filter(({ state }) => JSON.stringify(state).includes(password)).length).toBe(1);
  });

  it("killed in the middle and called again, gives every Valkey a new password beside the old one, then alone", async () => {
    const before = passwords();
    const calls = fleet.running.cloud.calls.length;
    const rotate = ["secrets", "rotate", "valkey", "--in-place", "--yes"];
    for (const line of ["Pulumi.us.yaml: valkey new in use", "us: up", "eu: up", "ap: up"]) {
      await killedAt(running, line, ...rotate);
    }
    const first = await rotated("valkey", "--in-place");
    expect(first.status, first.stderr).toBe(3);
    const both = passwords();
    const names = [...Array<string>(3).fill("livekit-valkey"), "meet-valkey", "meet-valkey"];
    expect(callsSince(calls)).toEqual(names.map((name) => `update ${name}`));
    const then = fleet.running.cloud.calls.length;
    const last = await rotated("valkey", "--in-place", "--drop-now");
    expect(last.stdout, last.stderr).toContain("The old one is dropped everywhere.");
    expect(callsSince(then)).toEqual(names.map((name) => `update ${name}`));
    const after = passwords();
    const caches = [...after.keys()].filter((key) => key.includes(CACHE));
    expect([[...both.keys()], [...after.keys()]]).toEqual([[...before.keys()], [...before.keys()]]);
    expect(caches.length).toBe(5);
    for (const key of caches) {
      const [made] = both.get(key) ?? [];
      expect(made).not.toBe(before.get(key)?.[0]);
      expect([both.get(key)?.[1], after.get(key)]).toEqual(["ROTATE", [made, "SET"]]);
    }
  });

  it("leaves nothing to do in either region", async () => {
    const previewed = await run("preview", "--exit-code");
    expect(previewed.stdout, previewed.stderr).toBe(NOTHING);
    expect((await fleet.strays("us")).lost).toEqual([]);
  });

  it("has shown no password, and left none in plain in a state or a file", async () => {
    const known = [...seen].filter((password) => password !== "");
    expect(known.length).toBeGreaterThan(5);
    const texts = [printed, await file("us"), await file("eu")];
    for (const stack of ["us", "eu", "ap"]) {
      texts.push((await fleet.must(["stack", "export", "--stack", stack])).stdout);
    }
    expect(texts.every((text) => text.length > 100)).toBe(true);
    expect(known.filter((password) => texts.some((text) => text.includes(password)))).toEqual([]);
  });
});

function databasesIn(awsRegion: string) {
  return fleet.running.cloud
    .all("aws:rds/instance:Instance")
    .filter(({ scope }) => scope === awsRegion);
}
