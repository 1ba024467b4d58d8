import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AP, download, DownloadWorld, HOME, US } from "../support/recordings/download-world.ts";
import type { ServiceProcess } from "../support/service-process.ts";

let world: DownloadWorld;
let route: ServiceProcess;

beforeAll(async () => {
  world = await DownloadWorld.start();
  route = await world.route();
});

afterAll(async () => {
  await world.stop();
});

function pathOf(id: string): string {
  return `/media/recordings/${id}.mp4`;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("a recording on AWS", () => {
  it("is fetched whole and in part, by links that S3 takes, signed by the pod's role", async () => {
    const body = randomBytes(300_000);
    const id = await world.recording(body, HOME);
    const whole = await download(route, pathOf(id), { follow: true });
    expect(whole.status).toBe(200);
    expect(hash(new Uint8Array(await whole.arrayBuffer()))).toBe(hash(body));
    expect(whole.headers.get("content-type")).toBe("video/mp4");
    expect(whole.headers.get("content-disposition")).toMatch(
      /^attachment; filename="recording-\d{4}-\d\d-\d\d-[0-9a-f]{8}\.mp4"$/,
    );
    const part = await download(route, pathOf(id), {
      follow: true,
      headers: { range: "bytes=100-199" },
    });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 100-199/300000"]);
    expect(hash(new Uint8Array(await part.arrayBuffer()))).toBe(hash(body.subarray(100, 200)));
  });

  it("has a link that is good for this object, this method and this session alone", async () => {
    const mine = await world.recording("mine", HOME);
    const hers = await world.recording("hers", HOME);
    const response = await download(route, pathOf(mine));
    const link = response.headers.get("location") ?? "";
    expect((await fetch(link)).status).toBe(200);
    for (const forged of [
      link.replace(mine, hers),
      link.replace(HOME, US),
      link.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=604800"),
      link.replace(/X-Amz-Security-Token=[^&]*/, "X-Amz-Security-Token=x"),
      link.replace(/response-content-disposition=[^&]*&/, ""),
      link.split("?", 1)[0] ?? "",
    ]) {
      expect((await fetch(forged)).status).toBe(403);
    }
    expect((await fetch(link, { method: "DELETE" })).status).toBe(403);
  });

  it("is described by HEAD", async () => {
    const id = await world.recording("0123456789", HOME);
    const response = await download(route, pathOf(id), { method: "HEAD", follow: true });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "10"]);
    expect(response.headers.get("content-type")).toBe("video/mp4");
  });

  it("is fetched from the region that recorded it until its copy has come home", async () => {
    const id = await world.recording("copy on its way", US);
    for (let times = 0; times < 2; times += 1) {
      const response = await download(route, pathOf(id), { follow: true });
      expect(await response.text()).toBe("copy on its way");
      expect(response.url).toContain(`/${US}/`);
    }
    await world.moto.put(HOME, `recordings/${id}.mp4`, "copy on its way", "video/mp4");
    expect((await download(route, pathOf(id))).headers.get("location")).toContain(`/${HOME}/`);
  });

  it("is gone once it was deleted at home, though other regions still have it", async () => {
    const id = await world.recording("deleted", HOME, US);
    expect((await download(route, pathOf(id))).status).toBe(302);
    await world.moto.delete(HOME, `recordings/${id}.mp4`);
    const response = await download(route, pathOf(id));
    expect([response.status, response.headers.has("retry-after")]).toEqual([404, false]);
    expect(await response.text()).toContain("<h1>Deleted</h1>");
  });

  it("is waited for where no bucket has it yet, and comes", async () => {
    const id = await world.recording("");
    const early = await download(route, pathOf(id));
    expect([early.status, early.headers.get("retry-after")]).toEqual([404, "30"]);
    expect(await early.text()).toContain("<h1>Not here yet</h1>");
    await world.moto.put(US, `recordings/${id}.mp4`, "here", "video/mp4");
    expect(await (await download(route, pathOf(id), { follow: true })).text()).toBe("here");
  });

  it("is found in a region that is added while the route runs", async () => {
    const id = await world.recording("");
    expect((await download(route, pathOf(id))).status).toBe(404);
    await world.moto.bucket(AP, "ap-southeast-1");
    await world.moto.put(AP, `recordings/${id}.mp4`, "from Singapore", "video/mp4");
    let response = await download(route, pathOf(id), { follow: true });
    // The account's list is looked at every five seconds at most.
    for (let tries = 0; tries < 30 && response.status === 404; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      response = await download(route, pathOf(id), { follow: true });
    }
    expect([response.status, await response.text()]).toEqual([200, "from Singapore"]);
    expect(route.lines()).toContainEqual(
      expect.objectContaining({ message: "the buckets changed", others: [AP, US] }),
    );
  });

  it("is not given to others, whichever bucket has it", async () => {
    const id = await world.recording("secret", HOME, US);
    const before = world.s3.requests.length;
    expect((await download(route, pathOf(id), { user: "mallory" })).status).toBe(403);
    expect((await fetch(route.url + pathOf(id), { redirect: "manual" })).status).toBe(401);
    expect(world.s3.requests.slice(before).filter((it) => it.includes(id))).toEqual([]);
  });

  it("is fetched by 200 at once, each its own, from connections that are used again", async () => {
    const bodies = Array.from({ length: 20 }, () => randomBytes(20_000));
    const ids = await Promise.all(
      bodies.map((body, index) => world.recording(body, index % 2 === 0 ? HOME : US)),
    );
    const fetched = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const response = await download(route, pathOf(ids[index % 20] ?? ""), { follow: true });
        return hash(new Uint8Array(await response.arrayBuffer()));
      }),
    );
    expect(fetched).toEqual(
      Array.from({ length: 200 }, (_, index) => hash(bodies[index % 20] ?? randomBytes(1))),
    );
  });

  it("is not looked for past a home that does not answer, and found when it is back", async () => {
    const id = await world.recording("patience", US);
    world.s3.away.add(HOME);
    const response = await download(route, pathOf(id));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "15"]);
    world.s3.away.delete(HOME);
    expect((await download(route, pathOf(id))).status).toBe(302);
  });
});

describe("an upload", () => {
  it("is served by the route itself, as an attachment, whole and in part", async () => {
    const id = randomUUID();
    world.meet.file(id, "alice");
    await world.moto.put(HOME, `files/${id}.png`, "0123456789", "image/png");
    const whole = await download(route, `/media/files/${id}.png`);
    expect([whole.status, await whole.text()]).toEqual([200, "0123456789"]);
    expect(whole.headers.get("content-disposition")).toBe("attachment");
    expect(whole.headers.get("content-type")).toBe("image/png");
    const part = await download(route, `/media/files/${id}.png`, {
      headers: { range: "bytes=2-4" },
    });
    expect([part.status, await part.text()]).toEqual([206, "234"]);
  });
});

describe("S3-compatible storage", () => {
  it("is used by keys from files, in any number of stores, through the route where browsers cannot", async () => {
    world.s3.keys.set("GARAGE", { secret: "secret-of-garage" });
    const store = (bucket: string, region: string, delivery: string): object => ({
      ...{ bucket, region, delivery, endpoint: world.s3.url },
      accessKeyFile: world.file("key", "GARAGE\n"),
      secretKeyFile: world.file("secret", "secret-of-garage\n"),
    });
    const stores = [store(HOME, "eu-west-3", "redirect"), store(US, "us-east-1", "stream")];
    await world.moto.expire(HOME, "eu-west-3", "recordings/", 30);
    const other = await world.route({
      STORES: JSON.stringify(stores),
      EXPIRATION_DAYS: "30",
      BUCKET: undefined,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: undefined,
    });
    const atHome = await world.recording("at home", HOME);
    const link = (await download(other, pathOf(atHome))).headers.get("location") ?? "";
    expect(link).toContain("X-Amz-Credential=GARAGE%2F");
    expect(await (await fetch(link)).text()).toBe("at home");
    const elsewhere = await world.recording("elsewhere", US);
    const streamed = await download(other, pathOf(elsewhere), {
      headers: { range: "bytes=0-3" },
    });
    expect([streamed.status, await streamed.text()]).toEqual([206, "else"]);
    // The rules that the buckets have were compared with Meet's days at the start: one has none.
    const disagrees = async (bucket: string): Promise<string | undefined> =>
      new RegExp(`^recordings_expiry_disagrees\\{bucket="${bucket}".*\\} (\\d)$`, "m").exec(
        await world.metrics(other),
      )?.[1];
    await expect.poll(() => disagrees(US)).toBe("1");
    await expect.poll(() => disagrees(HOME)).toBe("0");
  });
});

describe("the route's process", () => {
  it("has metrics on a port of their own, and a log without cookies and links", async () => {
    const metrics = await world.metrics(route);
    expect(metrics).toContain('recordings_buckets{region="eu"} 3');
    expect(metrics).toMatch(/recordings_found_total\{where="searched",region="eu"\} \d+/);
    expect(metrics).toMatch(/recordings_credentials_end_seconds\{region="eu"\} \d{10}/);
    expect((await fetch(`${route.url}/metrics`)).status).toBe(404);
    const log = route.lines().map((line) => JSON.stringify(line));
    expect(log.filter((line) => line.includes('"outcome":"redirected"')).length).toBeGreaterThan(
      200,
    );
    for (const secret of ["X-Amz", "meet_sessionid", "session/", "secret-", "alice"]) {
      expect(log.filter((line) => line.includes(secret))).toEqual([]);
    }
  });

  it("ends with status 0 after SIGTERM, and the download that is under way is finished", async () => {
    const other = await world.route();
    const id = await world.recording("the last one", HOME);
    world.meet.delayMs = 300;
    const underWay = download(other, pathOf(id));
    await new Promise((resolve) => setTimeout(resolve, 100));
    other.child.kill("SIGTERM");
    expect((await underWay).status).toBe(302);
    world.meet.delayMs = 0;
    expect(await other.ended).toMatchObject({ status: 0, stderr: "" });
  });

  it("says clearly that the storage is away when S3 has died, and stays ready itself", async () => {
    const id = await world.recording("kept", HOME);
    await world.moto.kill();
    const response = await download(route, pathOf(id));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "15"]);
    expect(await response.text()).toContain("The storage does not answer. Your file is kept.");
    expect((await fetch(`${route.url}/readyz`)).status).toBe(200);
  });
});
