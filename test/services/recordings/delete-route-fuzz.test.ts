import { createServer, request as ask } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeleteRoute } from "../../../services/recordings/deletions/delete-route.ts";
import { Deletions } from "../../../services/recordings/deletions/deletions.ts";
import { Intents } from "../../../services/recordings/deletions/intents.ts";
import { MediaAuth } from "../../../services/recordings/meet/media-auth.ts";
import { RecordingsApi } from "../../../services/recordings/meet/recordings-api.ts";
import { Outbound } from "../../../services/recordings/outbound.ts";
import type { Bucket } from "../../../services/recordings/storage/bucket.ts";
import { S3Failed } from "../../../services/recordings/storage/s3-client.ts";
import { createLog } from "../../../services/shared/log.ts";
import { deletingAs, FakeMeet, MEET_HOST } from "../../support/recordings/fake-meet.ts";

/** Alice's, bob's, one that is being made, and one that only the storage has. */
const IDS = [1, 2, 3, 4].map((last) => `0190e5c4-7a3b-4d1e-9f00-01234567890${last}`);
const [ALICES = "", BOBS = "", UNSAVED = "", ROWLESS = ""] = IDS;

const HOME: Bucket = {
  name: "home",
  region: "eu-west-3",
  endpoint: "https://s3.example.org",
  pathStyle: true,
  delivery: "redirect",
  credentials: { current: () => Promise.reject(new Error("nobody asks")) },
};

/** The pod dies: whatever it was about to do is not done. */
class Crash extends Error {}

/** A home's bucket in memory, whose calls fail or kill the pod when the test says so. */
class Storage {
  readonly keys = new Set<string>();
  readonly purged = new Set<string>();
  /** What becomes of the next calls, in order. */
  fates: readonly ("ok" | "fails" | "crash")[] = [];

  list(prefix: string) {
    this.fate();
    return [...this.keys]
      .filter((key) => key.startsWith(prefix))
      .map((key) => ({ key, modifiedMs: Date.now() - 3600_000 }));
  }

  put(key: string): void {
    this.fate();
    this.keys.add(key);
  }

  remove(key: string): void {
    this.fate();
    this.keys.delete(key);
  }

  private fate(): void {
    const [next = "ok", ...rest] = this.fates;
    this.fates = rest;
    if (next === "crash") {
      throw new Crash();
    }
    if (next === "fails") {
      throw new S3Failed("status 503");
    }
  }
}

let meet: FakeMeet;
const outbound = new Outbound();

beforeAll(async () => {
  meet = await FakeMeet.start();
});

afterAll(async () => {
  outbound.close();
  await meet.stop();
});

/** What a pod holds; a crash loses it. */
function pod(storage: Storage): { route: DeleteRoute; deletions: Deletions } {
  const buckets = {
    home: () => HOME,
    others: () => [],
    isComplete: () => true,
    refresh: () => Promise.resolve(),
  };
  const calls = {
    list: async (_: Bucket, prefix: string) => Promise.resolve(storage.list(prefix)),
    put: async (_: Bucket, key: string) => {
      await Promise.resolve();
      storage.put(key);
    },
    remove: async (_: Bucket, key: string) => {
      await Promise.resolve();
      storage.remove(key);
    },
    versions: (_: Bucket, prefix: string) => {
      storage.purged.add(prefix.replace(/^recordings\/|\.$/g, ""));
      return Promise.resolve([]);
    },
  };
  const log = createLog("recordings", "eu", () => undefined);
  const intents = new Intents(buckets, calls);
  const parts = { meetUrl: meet.url, host: MEET_HOST, outbound };
  const api = new RecordingsApi({ ...parts, auth: new MediaAuth(parts) });
  const deletions = new Deletions({ buckets, calls, intents, log, observe: () => undefined });
  const observe = (): void => undefined;
  return { route: new DeleteRoute({ meet: api, intents, deletions, log, observe }), deletions };
}

/** Sends exactly this target; gives the status, or 0 where the pod died. */
async function send(
  route: DeleteRoute,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const server = createServer((request, response) => {
    route.handle(request, response).catch(() => {
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const status = await new Promise<number>((resolve) => {
    const outgoing = ask({ port, path, method: "DELETE", headers, agent: false });
    outgoing.once("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.once("error", () => {
      resolve(0);
    });
    outgoing.end();
  });
  server.closeAllConnections();
  server.close();
  return status;
}

const step = fc.record({
  user: fc.constantFrom("alice", "alice", "bob", "bob", "mallory"),
  id: fc.constantFrom(ALICES, BOBS, ...IDS),
  spelling: fc.oneof(
    { weight: 2, arbitrary: fc.constant((id: string) => `/api/v1.0/recordings/${id}/`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        (id: string) => `/media/recordings/${id}/`,
        (id: string) => `/api/v1.0/recordings/${id.toUpperCase()}/`,
        (id: string) => `/api/v1.0/recordings/${id.replaceAll("-", "")}/`,
        (id: string) => `/api/v1.0/recordings/${id}/../${ALICES}/`,
        (id: string) => `/api/v1.0/recordings/${id}/?id=${ALICES}`,
        (id: string) => `/api/v1.0/recordings/%30${id.slice(1)}/`,
      ),
    },
  ),
  isForged: fc.constantFrom(false, false, false, true),
  fault: fc.constantFrom(
    ...(["none", "none", "none", "500 before", "500 after", "cut before", "cut after"] as const),
  ),
  fates: fc.array(fc.constantFrom("ok", "ok", "ok", "ok", "fails", "crash"), { maxLength: 8 }),
});

describe("whoever asks for whatever deletion, and whatever fails meanwhile", () => {
  it("files are deleted only of recordings that Meet has deleted, and of all of which it said so", async () => {
    let deletedTimes = 0;
    let unsettledTimes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        meet.deleted.clear();
        meet.recording(ALICES, "alice");
        meet.recording(BOBS, "bob", "ogg");
        meet.recording(UNSAVED, "alice", "mp4", false);
        const storage = new Storage();
        let current = pod(storage);
        const promised = new Set<string>();
        for (const { user, id, spelling, isForged, fault, fates } of steps) {
          meet.deleteFault = fault;
          storage.fates = fates;
          const headers = { ...deletingAs(user), ...(isForged ? { "x-csrftoken": "x" } : {}) };
          const path = spelling(id);
          const status = await send(current.route, path, headers);
          if (status === 204) {
            promised.add(id);
          } else if (status === 0) {
            // What a dead pod had not written down is lost with it, but for the intent.
            current = pod(storage);
          }
          storage.fates = [];
          meet.deleteFault = "none";
          await current.deletions.round();
        }
        for (const id of storage.purged) {
          expect([...meet.deleted]).toContain(id);
        }
        const intents = storage.list("deletion-intents/").map(({ key }) => key.split("/")[1]);
        for (const id of promised) {
          expect(storage.purged.has(id) || intents.includes(id)).toBe(true);
        }
        // Nothing that Meet deleted is forgotten: done, or there for all to see.
        for (const id of meet.deleted) {
          expect(storage.purged.has(id) || intents.includes(id)).toBe(true);
        }
        expect(storage.purged.has(ROWLESS) || storage.purged.has(UNSAVED)).toBe(false);
        deletedTimes += storage.purged.size;
        unsettledTimes += intents.length;
      }),
      { numRuns: 150 },
    );
    expect(deletedTimes).toBeGreaterThan(8);
    expect(unsettledTimes).toBeGreaterThan(1);
  });
});
