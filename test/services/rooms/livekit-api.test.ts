import { createServer, type Server } from "node:net";
import { EgressStatus, RoomCompositeEgressRequest } from "@livekit/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LiveKitApi, type AdminGrants } from "../../../services/rooms/livekit/livekit-api.ts";
import { LiveKitDown } from "../../../services/rooms/placement/ports.ts";
import { FakeTwirp } from "../../support/rooms/fake-twirp.ts";

/** Unsigned tokens: the fake looks only at the grants. */
const tokens = {
  mint: (video: AdminGrants, ttlSeconds: number): string => {
    const payload = JSON.stringify({ video, exp: ttlSeconds });
    return `h.${Buffer.from(payload).toString("base64url")}.s`;
  },
  signedByEach: (token: string) => [token, `${token}-with-the-other-key`],
};

describe("LiveKit's server API", () => {
  let liveKit: FakeTwirp;
  let api: LiveKitApi;

  beforeEach(async () => {
    liveKit = new FakeTwirp("eu");
    api = new LiveKitApi(await liveKit.listen(), tokens, 400);
  });
  afterEach(async () => {
    api.close();
    await liveKit.close();
  });

  it("makes a room once and finds it the second time", async () => {
    const first = await api.createRoom("standup");
    const second = await api.createRoom("standup");
    expect(first.sid).toMatch(/^RM_/);
    expect(second.sid).toBe(first.sid);
  });

  it("lists the rooms of given names, and all without names", async () => {
    liveKit.addRoom("a");
    liveKit.addRoom("b");
    expect((await api.listRooms(["b", "c"])).map(({ name }) => name)).toEqual(["b"]);
    expect((await api.listRooms()).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("signs a call with its other key where LiveKit does not know the first", async () => {
    const refused = { kind: "answer", status: 401, body: "invalid API key" } as const;
    liveKit.misdeeds.set("RoomService/DeleteRoom", refused);
    await expect(api.deleteRoom("a")).rejects.toThrow("it answered 401");
    const tokens = liveKit.callsOf("RoomService/DeleteRoom").map((call) => call.authorization);
    expect(tokens).toHaveLength(2);
    expect(tokens[1]).toBe(`${tokens[0] ?? ""}-with-the-other-key`);
  });

  it("says whether there was a room to delete", async () => {
    liveKit.addRoom("a");
    expect(await api.deleteRoom("a")).toBe(true);
    expect(await api.deleteRoom("a")).toBe(false);
  });

  it("lists and removes participants, and knows when there was none", async () => {
    liveKit.addRoom("a");
    liveKit.addParticipant("a", "ada");
    expect((await api.listParticipants("a")).map(({ identity }) => identity)).toEqual(["ada"]);
    expect(await api.removeParticipant("a", "ada")).toBe(true);
    expect(await api.removeParticipant("a", "ada")).toBe(false);
    expect(await api.listParticipants("nowhere")).toEqual([]);
  });

  it("sets the metadata of a room that is there", async () => {
    liveKit.addRoom("a");
    expect(await api.updateRoomMetadata("a", "{}")).toBe(true);
    expect(liveKit.rooms.get("a")?.metadata).toBe("{}");
    expect(await api.updateRoomMetadata("b", "{}")).toBe(false);
  });

  it("sends agents to a room and lists them", async () => {
    liveKit.addRoom("a");
    await api.createDispatch("a", "transcriber", "fr");
    const [dispatch] = await api.listDispatch("a");
    expect([dispatch?.agentName, dispatch?.metadata]).toEqual(["transcriber", "fr"]);
    expect(await api.listDispatch("nowhere")).toEqual([]);
  });

  it("lists and stops recordings", async () => {
    const { egressId } = liveKit.addEgress(new RoomCompositeEgressRequest({ roomName: "a" }));
    expect((await api.listEgress({ roomName: "a", active: true })).length).toBe(1);
    expect((await api.listEgress({ roomName: "b" })).length).toBe(0);
    expect((await api.stopEgress(egressId))?.status).toBe(EgressStatus.EGRESS_ENDING);
    expect(await api.stopEgress("EG_unknown")).toBeUndefined();
    expect(await api.listEgress({ egressId: "EG_unknown" })).toEqual([]);
  });

  it("calls a refusal, a silence and a 5xx LiveKitDown, and names the method", async () => {
    liveKit.misdeeds.set("RoomService/ListRooms", { kind: "silence" });
    await expect(api.listRooms()).rejects.toThrow(
      new LiveKitDown("LiveKit RoomService/ListRooms: No answer (400 ms)."),
    );
    liveKit.misdeeds.set("RoomService/ListRooms", { kind: "answer", status: 502, body: "<html>" });
    await expect(api.listRooms()).rejects.toThrow("it answered 502.");
    const body = '{"code":"unavailable","msg":"no response from servers"}';
    liveKit.misdeeds.set("RoomService/ListRooms", { kind: "answer", status: 503, body });
    await expect(api.listRooms()).rejects.toThrow(
      "it answered 503 (unavailable: no response from servers).",
    );
    await liveKit.close();
    const refused = api.listRooms();
    await expect(refused).rejects.toThrow("No connection (ECONNREFUSED).");
    await expect(refused).rejects.toBeInstanceOf(LiveKitDown);
  });

  it("says what LiveKit says of any other error", async () => {
    const body = '{"code":"invalid_argument","msg":"metadata size exceeds limits"}';
    liveKit.misdeeds.set("RoomService/CreateRoom", { kind: "answer", status: 400, body });
    const call = api.createRoom("a");
    await expect(call).rejects.toThrow("metadata size exceeds limits");
    await expect(call).rejects.not.toBeInstanceOf(LiveKitDown);
  });

  it("calls an answer that is no protobuf LiveKitDown", async () => {
    const answer = { kind: "answer", status: 200, body: "<html>" } as const;
    liveKit.misdeeds.set("RoomService/CreateRoom", answer);
    await expect(api.createRoom("a")).rejects.toThrow(
      "LiveKit RoomService/CreateRoom: it answered what its protocol does not know.",
    );
  });

  it("makes a call of no lasting effect again when a kept connection turns out to be closed", async () => {
    const stale = await staleServer(1);
    const other = new LiveKitApi(stale.url, tokens, 1000);
    try {
      expect(await other.listRooms()).toEqual([]);
      expect(await other.listRooms()).toEqual([]);
      expect(stale.requests()).toBe(3);
    } finally {
      other.close();
      stale.server.close();
    }
  });

  it("never makes a call twice that may have had an effect", async () => {
    liveKit.addRoom("a");
    for (const method of ["AgentDispatchService/CreateDispatch", "RoomService/DeleteRoom"]) {
      liveKit.misdeeds.set(method, { kind: "cut" });
    }
    await api.listRooms();
    await expect(api.createDispatch("a", "agent", "")).rejects.toBeInstanceOf(LiveKitDown);
    await expect(api.deleteRoom("a")).rejects.toBeInstanceOf(LiveKitDown);
    expect(liveKit.callsOf("AgentDispatchService/CreateDispatch").length).toBe(1);
    expect(liveKit.callsOf("RoomService/DeleteRoom").length).toBe(1);
  });
});

/** Answers each connection's first requests with an empty message, and destroys it at the next one. */
async function staleServer(answers: number): Promise<{
  readonly url: string;
  readonly server: Server;
  readonly requests: () => number;
}> {
  let requests = 0;
  const server = createServer((socket) => {
    let served = 0;
    socket.on("error", () => undefined);
    socket.on("data", () => {
      requests += 1;
      served += 1;
      if (served > answers) {
        socket.destroy();
        return;
      }
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\n");
      socket.write("content-length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, server, requests: () => requests };
}
