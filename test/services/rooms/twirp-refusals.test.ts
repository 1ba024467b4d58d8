import { ListParticipantsRequest } from "@livekit/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  apiToken,
  errorOf,
  fullToken,
  TwirpFleet,
  type TwirpRegion,
} from "../../support/rooms/twirp-fleet.ts";

const ROOM = "standup";

describe("what the server API refuses", () => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;

  beforeEach(async () => {
    fleet = await new TwirpFleet().start();
    ({ eu } = fleet);
    fleet.addRoom(ROOM, eu, "ada");
  });
  afterEach(async () => {
    expect(eu.liveKit.calls).toEqual([]);
    await fleet.stop();
  });

  const now = Math.floor(Date.now() / 1000);
  it.each([
    ["no token", "", "there is no token"],
    ["a token of another key", apiToken({}, { iss: "other" }), "not an API key"],
    ["a token with another signature", apiToken({}, {}, "x"), "signature does not verify"],
    ["an expired token", apiToken({}, { exp: now - 61 }), "has expired"],
    ["a token of tomorrow", apiToken({}, { nbf: now + 90_000 }), "not good yet"],
    ["a token without an end", apiToken({}, { exp: undefined }), "HS256, with an issuer"],
    ["half a token", apiToken({}).slice(0, 40), "not a JWT"],
    ["an endless token", `a.${"b".repeat(40_000)}.c`, "not a JWT"],
  ])("%s: 401 as a Twirp error, and nothing is asked", async (_, token, sentence) => {
    const request = new ListParticipantsRequest({ room: ROOM });
    const answer = await eu.call("RoomService/ListParticipants", request.toBinary(), { token });
    expect([answer.status, errorOf(answer).code]).toEqual([401, "unauthenticated"]);
    expect(errorOf(answer).msg).toContain(sentence);
  });

  it.each([
    ["alg none", { alg: "none" }],
    ["another algorithm", { alg: "HS512" }],
  ])("a token with %s: 401", async (_, header) => {
    const [, payload, signature] = fullToken().split(".");
    const head = Buffer.from(JSON.stringify(header)).toString("base64url");
    const token = `${head}.${payload ?? ""}.${signature ?? ""}`;
    const answer = await eu.call("RoomService/ListRooms", "{}", { token });
    expect([answer.status, errorOf(answer).code]).toEqual([401, "unauthenticated"]);
  });

  it("a header that is no Bearer: 401", async () => {
    const headers = { authorization: "Basic abc" };
    const answer = await eu.call("RoomService/ListRooms", "{}", { headers });
    expect(errorOf(answer).msg).toBe("Authorization: there is no token.");
  });

  it("a token that may not make rooms claims none", async () => {
    const token = apiToken({ roomAdmin: true, room: "new" });
    const answer = await eu.call("RoomService/CreateRoom", '{"name":"new"}', { token });
    expect(errorOf(answer)).toEqual({ code: "unauthenticated", msg: "permissions denied" });
    expect(fleet.places.hosts.has("new")).toBe(false);
  });

  it("a room without a name, or with one that LiveKit would not take, is not claimed", async () => {
    const none = await eu.call("RoomService/CreateRoom", "{}");
    expect(errorOf(none)).toEqual({ code: "invalid_argument", msg: "no room name" });
    const long = await eu.call("RoomService/CreateRoom", JSON.stringify({ name: "é".repeat(129) }));
    expect(errorOf(long).msg).toBe("room name length exceeds limits: max length 256");
    expect(fleet.places.hosts.size).toBe(1);
  });

  it.each([
    ["Egress/StartWebEgress", '{"url":"https://example.org"}'],
    ["SIP/CreateSIPInboundTrunk", '{"trunk":{}}'],
    ["RoomService/PerformMagic", "{}"],
    ["RoomService/UpdateParticipant", "{}"],
    ["Egress/StartRoomCompositeEgress", "{}"],
  ])("%s without a room, with a sentence that says so", async (method, body) => {
    const answer = await eu.call(method, body);
    expect([answer.status, errorOf(answer).code]).toEqual([501, "unimplemented"]);
    expect(errorOf(answer).msg).toBe(
      `${method}: the call names no room, so no region can be found for it. ` +
        "Send it to the LiveKit of a region.",
    );
  });

  it.each([
    ["Ingress/CreateIngress", "application/json", "There is no such service here"],
    ["RoomService/a/b", "application/json", "There is no such service here"],
    ["RoomService/ListRooms", "text/plain", "the Content-Type must be application/protobuf"],
    ["RoomService/ListRooms", "", "the Content-Type must be application/protobuf"],
  ])("%s as %s: bad_route", async (method, contentType, sentence) => {
    const answer = await eu.call(method, "{}", { contentType });
    expect([answer.status, errorOf(answer).code]).toEqual([404, "bad_route"]);
    expect(errorOf(answer).msg).toContain(sentence);
  });

  it("a GET: bad_route", async () => {
    const response = await fetch(`${eu.url()}/twirp/livekit.RoomService/ListRooms`);
    expect(await response.json()).toEqual({
      code: "bad_route",
      msg: "RoomService/ListRooms: only POST is allowed.",
    });
  });

  it.each([
    ["no JSON", "{", "the body is not a JSON object"],
    ["a list", "[]", "the body is not a JSON object"],
    ["a room that is a number", '{"room":7}', "the field room is not a string"],
    ["a message that is a string", '{"rule":"x"}', "a message is not an object"],
  ])("%s: malformed", async (_, body, sentence) => {
    const method = body.includes("rule") ? "SIP/CreateSIPDispatchRule" : "RoomService/SendData";
    const answer = await eu.call(method, body);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toEqual({
      code: "malformed",
      msg: `The request could not be decoded: ${sentence}.`,
    });
  });

  it("the same field under both of its names: malformed", async () => {
    const body = '{"room_name":"a","roomName":"b"}';
    const answer = await eu.call("Egress/StartRoomCompositeEgress", body);
    expect(errorOf(answer).msg).toContain("the field room_name is there twice");
  });

  it("a list of more rooms than are looked for", async () => {
    const names = Array.from({ length: 201 }, (_, at) => `r${at}`);
    const answer = await eu.call("RoomService/ListRooms", JSON.stringify({ names }));
    expect(errorOf(answer)).toEqual({
      code: "invalid_argument",
      msg: "201 names are more than 200: each room is looked for by itself.",
    });
  });

  it("a body above 10 MiB", async () => {
    const answer = await eu.call("RoomService/SendData", Buffer.alloc(10 * 1024 * 1024 + 1));
    expect(errorOf(answer)).toEqual({
      code: "invalid_argument",
      msg: "The body has more than 10485760 bytes.",
    });
  });

  it("a request with a peer's token that does not verify", async () => {
    const headers = { "x-meet-peer": "forged" };
    const answer = await eu.call("RoomService/ListRooms", "{}", { headers });
    expect(errorOf(answer)).toEqual({
      code: "unauthenticated",
      msg: "x-meet-peer: the token does not verify.",
    });
  });
});
