import fc from "fast-check";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  roomPath,
  signAdminRequest,
  type AdminRequest,
} from "../../../services/rooms/admin/admin-request.ts";
import { adminRoutes, type AdminParts } from "../../../services/rooms/admin/admin-routes.ts";
import { AdminServer } from "../../../services/rooms/admin/admin-server.ts";
import type { MoveOutcome } from "../../../services/rooms/admin/operations.ts";
import { RequestVerifier } from "../../../services/rooms/peers/peer-token.ts";
import {
  LiveKitDown,
  PeerUnreachable,
  StoreAway,
} from "../../../services/rooms/placement/ports.ts";
import { CLAIM, KeptLog, seenHere } from "./peers/fleet.ts";

const SECRET = "the-secret-that-only-operators-have-and-no-gateway";
const OWN_STATUS = {
  liveKitUp: true,
  storeUp: true,
  version: "1.0.0",
  pod: "rooms-0",
  rooms: 3,
  tunnels: 9,
  splitRooms: ["torn"],
  webhooks: { waiting: 1, oldestSeconds: 2, setAside: 0 },
};
const US = { region: "us", reachable: true } as const;

let server: Server;
let base: string;
let log: KeptLog;
let calls: unknown[][];
let members: string[];
let outcome: MoveOutcome;
let failure: Error | undefined;
let operatorSecret: string;

function note<T>(call: unknown[], answer: T): Promise<T> {
  calls.push(call);
  return failure === undefined ? Promise.resolve(answer) : Promise.reject(failure);
}

function parts(): AdminParts {
  const list = {
    eu: { version: 1, state: "member" },
    us: { version: 1, state: "member" },
    sa: { version: 9, state: "removed" },
  } as const;
  return {
    region: "eu",
    operations: {
      status: () => note(["status"], OWN_STATUS),
      drain: (seconds, by) => note(["drain", seconds, by], undefined),
      undrain: () => note(["undrain"], undefined),
      evacuate: (seconds, by) => note(["evacuate", seconds, by], undefined),
      move: (room, region) => note(["move", room, region], outcome),
    },
    membership: {
      list: () => list,
      members: () => members,
      remove: (region) => note(["remove", region], undefined),
      readmit: (region) => note(["readmit", region], undefined),
    },
    peerStates: () => [US],
    rooms: {
      region: "eu",
      own: {
        read: () => Promise.resolve({ claim: CLAIM }),
        count: () => Promise.resolve({ identities: [], liveKitUp: true }),
      },
      peers: {
        members: () => ["ap", "sa", "us"],
        read: (region) =>
          region === "us"
            ? Promise.resolve({ claim: CLAIM })
            : Promise.reject(
                region === "ap" ? new PeerUnreachable("ap", "test") : new StoreAway("away"),
              ),
        count: () => Promise.resolve({ identities: ["Ann", "Bo"], liveKitUp: true, tenure: 5 }),
      },
    },
    pin: (room, region) => note(["pin", room, region], ["ap"]),
    webhooks: {
      listSetAside: (limit) => note(["list", limit], []),
      retry: (id) => note(["retry", id], id === "EV_1"),
    },
  };
}

beforeEach(async () => {
  log = new KeptLog();
  calls = [];
  members = ["us"];
  outcome = { moved: true, region: "us" };
  failure = undefined;
  operatorSecret = SECRET;
  const verifier = new RequestVerifier("operator", "eu", () => [SECRET], seenHere());
  const admin = new AdminServer(verifier, adminRoutes(parts()), log);
  server = createServer((request, response) => void admin.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(request: AdminRequest): Promise<[number, unknown]> {
  const signing = { base, region: "eu", secret: operatorSecret, operator: "ann" };
  const { url, ...rest } = await signAdminRequest(signing, request);
  const answer = await fetch(url, rest);
  return [answer.status, await answer.json()];
}

describe("an operator", () => {
  it("reads how the region is, who the members are and how they are", async () => {
    expect(await ask({ method: "GET", path: "status" })).toEqual([
      200,
      {
        region: "eu",
        ...OWN_STATUS,
        members: {
          eu: { version: 1, state: "member" },
          us: { version: 1, state: "member" },
          sa: { version: 9, state: "removed" },
        },
        peers: [US],
      },
    ]);
  });

  it("reads a room's claim and how many are in it at every region, and nobody's name", async () => {
    const room = "a/b ? %";
    expect(await ask({ method: "GET", path: roomPath(room) })).toEqual([
      200,
      {
        room,
        regions: [
          { region: "eu", claim: CLAIM, participants: 0 },
          { region: "ap", fault: "unreachable" },
          { region: "sa", fault: "store-away" },
          { region: "us", claim: CLAIM, participants: 2, tenure: 5 },
        ],
      },
    ]);
  });

  const done: readonly [AdminRequest, number, unknown, unknown[][]][] = [
    [
      { method: "POST", path: "drain", body: { deadlineSeconds: 60 } },
      202,
      {},
      [["drain", 60, "ann"]],
    ],
    [{ method: "POST", path: "undrain" }, 200, {}, [["undrain"]]],
    [
      { method: "POST", path: "evacuate", body: { deadlineSeconds: 9 } },
      202,
      {},
      [["evacuate", 9, "ann"]],
    ],
    [
      { method: "POST", path: roomPath("a/b", "move"), body: { region: "us" } },
      200,
      { room: "a/b", region: "us" },
      [["move", "a/b", "us"]],
    ],
    [
      { method: "PUT", path: roomPath("daily", "pin"), body: { region: "eu" } },
      200,
      { room: "daily", region: "eu", notReached: ["ap"] },
      [["pin", "daily", "eu"]],
    ],
    [
      { method: "DELETE", path: roomPath("daily", "pin") },
      200,
      { room: "daily", notReached: ["ap"] },
      [["pin", "daily", undefined]],
    ],
    [{ method: "GET", path: "webhooks/set-aside" }, 200, { events: [] }, [["list", 500]]],
    [
      { method: "POST", path: "webhooks/set-aside", body: { id: "EV_1" } },
      200,
      { id: "EV_1" },
      [["retry", "EV_1"]],
    ],
  ];
  it.each(done)("is served: %j", async (request, status, body, asked) => {
    expect(await ask(request)).toEqual([status, body]);
    expect(calls).toEqual(asked);
  });

  it("removes a region, and admits it again", async () => {
    expect(await ask({ method: "POST", path: "members/us/remove" })).toMatchObject([200, {}]);
    expect(await ask({ method: "POST", path: "members/sa/admit" })).toMatchObject([200, {}]);
    expect(calls).toEqual([
      ["remove", "us"],
      ["readmit", "sa"],
    ]);
  });

  const refused: readonly [string, AdminRequest, number, string][] = [
    [
      "a region that is no member",
      { method: "POST", path: "rooms/daily/move", body: { region: "mars" } },
      404,
      'Region "mars": it is no member. Use one of eu, us.',
    ],
    [
      "a pin to a region that is no member",
      { method: "PUT", path: "rooms/daily/pin", body: { region: "sa" } },
      404,
      'Region "sa": it is no member. Use one of eu, us.',
    ],
    [
      "removing a region nobody heard of",
      { method: "POST", path: "members/mars/remove" },
      404,
      'Region "mars": it is no member. Use one of eu, us.',
    ],
    [
      "admitting a region nobody heard of",
      { method: "POST", path: "members/constructor/admit" },
      404,
      'Region "constructor": it is no member. Use one of eu, us.',
    ],
    [
      "a region that removes itself",
      { method: "POST", path: "members/eu/remove" },
      409,
      'Region "eu": it cannot remove itself. Ask the gateway of another region.',
    ],
    [
      "a drain without a deadline",
      { method: "POST", path: "drain" },
      400,
      "Request: deadlineSeconds: Invalid input: expected number, received undefined.",
    ],
    [
      "an unknown field",
      { method: "POST", path: "drain", body: { deadlineSeconds: 5, now: true } },
      400,
      'Request: Unrecognized key: "now".',
    ],
    [
      "a webhook that was not set aside",
      { method: "POST", path: "webhooks/set-aside", body: { id: "EV_2" } },
      404,
      'Webhook "EV_2": none of that id was set aside. List them first.',
    ],
    [
      "what there is not",
      { method: "GET", path: "rooms/daily/pin" },
      404,
      "Request: there is no GET rooms/daily/pin here.",
    ],
    [
      "a room without a name",
      { method: "GET", path: "rooms/" },
      404,
      "Request: there is no GET rooms/ here.",
    ],
    [
      "a name that is no text",
      { method: "GET", path: "rooms/%ff" },
      404,
      "Request: there is no GET rooms/%ff here.",
    ],
    ["nothing", { method: "GET", path: "" }, 404, "Request: there is no GET / here."],
  ];
  it.each(refused)("is told what is wrong with %s", async (_what, request, status, error) => {
    expect(await ask(request)).toEqual([status, { error }]);
  });

  it.each([
    [
      "not here",
      'Room "daily": region "eu" does not host it. Ask the gateway of the region that does.',
    ],
    [
      "no other region",
      'Room "daily": region "us" cannot take it now. Choose another, or wait until it is well.',
    ],
    ["claimed meanwhile", 'Room "daily": it was moved by somebody else meanwhile. Look again.'],
  ] as const)("is told why a room was not moved: %s", async (why, error) => {
    outcome = { moved: false, why };
    const request = { method: "POST", path: "rooms/daily/move", body: { region: "us" } } as const;
    expect(await ask(request)).toEqual([409, { error }]);
  });

  it("cannot evacuate the only region", async () => {
    members = [];
    const request = { method: "POST", path: "evacuate", body: { deadlineSeconds: 5 } } as const;
    expect(await ask(request)).toEqual([
      409,
      {
        error: 'Region "eu": it is the only one, no other can take its rooms. Drain it instead.',
      },
    ]);
    expect(calls).toEqual([]);
  });

  const failures: readonly (readonly [Error, number, string])[] = [
    [
      new StoreAway("x"),
      503,
      "Store: the region's Valkey does not answer. Try again, or ask another region.",
    ],
    [new LiveKitDown("x"), 503, "LiveKit: it does not answer here. Try again."],
    [
      new PeerUnreachable("us", "1000 ms"),
      502,
      'Region "us": its gateway does not answer (1000 ms). Try again.',
    ],
    [new Error("a fault"), 500, "Request: it failed here. The log says why."],
  ];
  it.each(failures)("is told what did not answer: %s", async (error, status, sentence) => {
    failure = error;
    expect(await ask({ method: "POST", path: "undrain" })).toEqual([status, { error: sentence }]);
  });

  it("is logged by name with what was asked, and not for looking", async () => {
    await ask({ method: "GET", path: "status" });
    await ask({ method: "DELETE", path: roomPath("daily", "pin") });
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "an operator's call",
        fields: { operator: "ann", call: "DELETE rooms/*/pin", name: "daily", status: 200 },
      },
    ]);
  });
});

describe("somebody else", () => {
  it("is refused, and nothing is done", async () => {
    operatorSecret = "another-secret-of-more-than-thirty-two-characters";
    expect(await ask({ method: "POST", path: "undrain" })).toEqual([
      401,
      {
        error: "Request: the token is not one for this region, or has expired. Sign it anew.",
      },
    ]);
    const bare = await fetch(`${base}/admin/v1/status`);
    expect([bare.status, await bare.json()]).toEqual([
      401,
      { error: "Request: the token is missing or too long. Sign it anew." },
    ]);
    expect(calls).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toEqual([
      "an operator's call was refused",
      "an operator's call was refused",
    ]);
  });

  it("cannot send an operator's request again", async () => {
    const signing = { base: `${base}/`, region: "eu", secret: SECRET, operator: "ann" };
    const { url, ...rest } = await signAdminRequest(signing, { method: "POST", path: "undrain" });
    expect((await fetch(url, rest)).status).toBe(200);
    expect((await fetch(url, rest)).status).toBe(401);
    expect(calls).toEqual([["undrain"]]);
  });

  it("cannot send a body above 64 KiB", async () => {
    const body = { deadlineSeconds: 5, more: "x".repeat(64 * 1024) };
    expect(await ask({ method: "POST", path: "drain", body })).toEqual([
      413,
      { error: "Request: a body is at most 65536 bytes." },
    ]);
  });
});

describe("the operators' API", () => {
  it("survives any path and any body", async () => {
    const segment = fc.oneof(
      fc.constantFrom("rooms", "members", "webhooks", "drain", "pin", "move", "remove"),
      fc.string({ maxLength: 20 }).map((text) => encodeURIComponent(text)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("POST" as const, "PUT" as const, "DELETE" as const),
        fc.array(segment, { maxLength: 4 }).map((segments) => segments.join("/")),
        fc.jsonValue({ maxDepth: 2 }),
        async (method, path, body) => {
          // What fetch would make another path of is another request than the one signed.
          fc.pre(new URL(`${base}/admin/v1/${path}`).pathname === `/admin/v1/${path}`);
          const [status] = await ask({ method, path, body });
          expect([200, 202, 400, 404, 409]).toContain(status);
        },
      ),
      { numRuns: 150 },
    );
    expect(log.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });
});
