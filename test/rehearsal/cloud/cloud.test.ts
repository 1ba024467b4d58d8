import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Cloud } from "../../../rehearsal/cloud/cloud.ts";
import { makeBucket, makeCertificate, makeRecord, serve, validate } from "./fixtures.ts";
import { World } from "./world.ts";

const VPC = "aws:ec2/vpc:Vpc";
const cidr = { cidrBlock: "10.0.0.0/16" };

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

async function control(path: string, method = "GET", body?: unknown): Promise<unknown> {
  const response = await fetch(`${world.running.controlUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

describe("an armed fault", () => {
  it("fails the chosen call once, before anything is made", async () => {
    world.cloud.faults.add({
      type: "aws:ec2/*",
      name: "ma*",
      operation: "create",
      action: {
        kind: "fail",
        errorCode: "InternalError",
        message: "An internal error has occurred",
      },
    });
    await expect(world.eu.create(VPC, "main", cidr)).rejects.toThrow(
      "operation error EC2: CreateVpc, https response error StatusCode: 500, api error InternalError: " +
        "An internal error has occurred",
    );
    expect(world.cloud.all()).toEqual([]);
    await world.eu.create(VPC, "main", cidr);
  });

  it("loses the answer of a call that was done", async () => {
    world.cloud.faults.add({
      when: "after",
      action: { kind: "fail", errorCode: "RequestTimeout", message: "lost" },
    });
    await expect(world.eu.create(VPC, "main", cidr)).rejects.toThrow("api error RequestTimeout");
    expect(world.cloud.inventory()).toMatchObject([{ type: VPC, scope: "eu-west-3" }]);
  });

  it("strikes only the call that it waits for", async () => {
    world.cloud.faults.add({
      type: VPC,
      skip: 1,
      action: { kind: "fail", errorCode: "X", message: "" },
    });
    await world.eu.create(VPC, "one", cidr);
    await expect(world.eu.create(VPC, "two", cidr)).rejects.toThrow("api error X");
    await world.eu.create(VPC, "three", cidr);
  });

  it("throttles as the SDK sees it: a few answers are retried, 25 are an error", async () => {
    world.cloud.faults.add({ type: VPC, action: { kind: "throttle", answers: 3 } });
    await world.eu.create(VPC, "main", cidr);
    world.cloud.faults.add({ type: VPC, action: { kind: "throttle", answers: 25 } });
    await expect(world.eu.create(VPC, "main", cidr)).rejects.toThrow(
      "exceeded maximum number of attempts, 25, https response error StatusCode: 400, api error Throttling: Rate exceeded",
    );
  });

  it("delays a call", async () => {
    world.cloud.faults.add({ action: { kind: "delay", milliseconds: 80 } });
    const before = Date.now();
    await world.eu.create(VPC, "main", cidr);
    expect(Date.now() - before).toBeGreaterThanOrEqual(75);
  });

  it("lets a call hang until it is released", async () => {
    world.cloud.faults.add({ action: { kind: "hang" } });
    const made = world.eu.create(VPC, "main", cidr);
    await expect.poll(() => world.cloud.faults.hanging).toBe(1);
    expect(world.cloud.all()).toEqual([]);
    world.cloud.faults.release();
    await made;
    expect(world.cloud.faults.hanging).toBe(0);
  });
});

describe("a rule that waits", () => {
  it("gives the rest of the program time to fulfil it", async () => {
    const patient = await World.open({ patienceMilliseconds: 5_000 });
    try {
      const certificate = await makeCertificate(patient.eu);
      const [waited] = await Promise.all([
        validate(patient.eu, certificate),
        serve(patient.eu, certificate),
      ]);
      expect(waited.outputs["certificateArn"]).toBe(certificate.id);
      expect((await patient.eu.read(certificate))?.outputs["status"]).toBe("ISSUED");
    } finally {
      await patient.close();
    }
  });
});

describe("the control endpoint", () => {
  it("lists what was made, and nothing that was there before", async () => {
    const record = await makeRecord(world.eu, "it", {});
    expect(await control("/inventory")).toMatchObject([
      { provider: "aws", type: "aws:route53/record:Record", id: record.id, urn: record.urn },
    ]);
  });

  it("arms and disarms faults, and keeps the call log", async () => {
    const action = { kind: "fail", errorCode: "X", message: "down" };
    await control("/faults", "POST", { type: VPC, action });
    await expect(world.eu.create(VPC, "main", cidr)).rejects.toThrow("api error X: down");
    expect(await control("/calls")).toMatchObject([{ operation: "create", type: VPC, id: "" }]);
    await control("/faults", "POST", { type: VPC, action });
    await control("/faults", "DELETE");
    await world.eu.create(VPC, "main", cidr);
  });

  it("puts objects into buckets, removes and alters things", async () => {
    await makeBucket(world.eu, "recordings");
    const type = "aws:s3/bucket:Bucket";
    await control("/objects", "POST", { bucket: "recordings", key: "a.mp4" });
    await control("/alter", "POST", { type, id: "recordings", inputs: { forceDestroy: true } });
    expect(world.cloud.objects("recordings")).toEqual(["a.mp4"]);
    expect(world.cloud.find(type, "recordings")?.state["forceDestroy"]).toBe(true);
    expect(await control("/vanish", "POST", { type, id: "recordings" })).toEqual({ gone: true });
  });

  it("refuses what it does not understand", async () => {
    expect(await control("/nothing")).toEqual({ error: "no such route" });
    expect(await control("/faults", "POST", { action: { kind: "explode" } })).toHaveProperty(
      "error",
    );
    expect(await control("/objects", "POST", { bucket: "none", key: "a" })).toEqual({
      error: 'Bucket "none": it does not exist. Create it first.',
    });
    expect(await control("/alter", "POST", { type: VPC, id: "vpc-1", inputs: {} })).toEqual({
      error: `Cloud: there is no ${VPC} "vpc-1" to alter. Look into the inventory.`,
    });
  });
});

describe("a cloud with a state file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloud-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("holds the same things after a restart", async () => {
    const stateFile = join(folder, "cloud.json");
    const first = await World.open({ stateFile });
    const made = await makeBucket(first.eu, "recordings");
    first.cloud.putObject("recordings", "a.mp4");
    await first.close();
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);
    const second = await World.open({ stateFile });
    try {
      expect((await second.eu.read(made))?.outputs).toEqual(made.outputs);
      expect(second.cloud.objects("recordings")).toEqual(["a.mp4"]);
      expect(second.cloud.inventory()).toEqual(first.cloud.inventory());
    } finally {
      await second.close();
    }
  });

  it("refuses a file that holds no cloud, and leaves it alone", () => {
    const stateFile = join(folder, "cloud.json");
    writeFileSync(stateFile, "{}");
    expect(() => new Cloud({ stateFile })).toThrow(
      /the state file does not hold a cloud .* Remove it to start with an empty one\.$/,
    );
    expect(readFileSync(stateFile, "utf8")).toBe("{}");
  });
});

describe("a cloud with a list of zones", () => {
  it("finds those and no others", async () => {
    const strict = await World.open({ zones: ["example.org"] });
    try {
      const token = "aws:route53/getZone:getZone";
      expect(await strict.eu.invoke(token, { name: "example.org." })).toMatchObject({
        name: "example.org",
      });
      await expect(strict.eu.invoke(token, { name: "example.com" })).rejects.toThrow(
        "no matching Route 53 Hosted Zone found",
      );
    } finally {
      await strict.close();
    }
  });
});
