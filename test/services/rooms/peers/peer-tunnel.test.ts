import fc from "fast-check";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NotSent } from "../../../../services/rooms/livekit/http-caller.ts";
import { PeerConnections } from "../../../../services/rooms/peers/peer-connections.ts";
import {
  decodeClaim,
  encodeClaim,
  PeerDialer,
  verifyPeer,
} from "../../../../services/rooms/peers/peer-dialer.ts";
import { PeerTwirp } from "../../../../services/rooms/peers/peer-twirp.ts";
import { RequestSigner, RequestVerifier } from "../../../../services/rooms/peers/peer-token.ts";
import { RegionUrls } from "../../../../services/rooms/peers/region-urls.ts";
import { CLAIM, SECRET, seenHere } from "./fleet.ts";

const signer = new RequestSigner("peer", "eu", () => [SECRET]);
const upgrade = { method: "GET", url: "/rtc/v1?access_token=x.y.z&auto_subscribe=1" };

describe("a tunnel to another region", () => {
  it("carries the claim, and a token that the other region takes once, for this path and query", async () => {
    const dialer = new PeerDialer(new RegionUrls("example.org"), signer);
    const verifier = new RequestVerifier("peer", "us", () => [SECRET], seenHere());
    const headers = { ...(await dialer.headers(CLAIM, upgrade)) };
    const other = { ...upgrade, url: "/rtc/v1?access_token=x.y.other&auto_subscribe=1" };
    expect(await verifyPeer(verifier, { ...other, headers })).toMatchObject({ ok: false });
    expect(await verifyPeer(verifier, { ...upgrade, headers })).toEqual({ ok: true, issuer: "eu" });
    expect(await verifyPeer(verifier, { ...upgrade, headers })).toMatchObject({ ok: false });
    expect(await verifyPeer(verifier, { ...upgrade, headers: {} })).toMatchObject({ ok: false });
    expect(decodeClaim(headers["x-meet-claim"])).toEqual(CLAIM);
  });

  it("carries any room's name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (room) => {
        expect(decodeClaim(encodeClaim({ ...CLAIM, room }))).toEqual({ ...CLAIM, room });
      }),
    );
  });

  it("carries no claim in what is none", () => {
    expect(decodeClaim(undefined)).toBeUndefined();
    expect(decodeClaim(["a"])).toBeUndefined();
    expect(decodeClaim("a".repeat(8193))).toBeUndefined();
    expect(decodeClaim(encodeClaim({ ...CLAIM, region: "US!" }))).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(decodeClaim(text)).toBeUndefined();
      }),
    );
  });
});

describe("the address of a region", () => {
  it("is made of its name and the domain, or given", () => {
    const urls = new RegionUrls("example.org", { us: "http://127.0.0.1:1/" });
    expect(urls.of("eu")).toBe("https://livekit.eu.example.org");
    expect(urls.of("us")).toBe("http://127.0.0.1:1");
    expect(urls.of("constructor")).toBe("https://livekit.constructor.example.org");
  });

  it.each(["", "EU", "eu.evil.example", "eu/..", "a@b"])("is none for the name %j", (name) => {
    expect(() => new RegionUrls("example.org").of(name)).toThrow(
      `Region "${name}": this is no region's name. Use one such as eu.`,
    );
  });
});

describe("a call of the server API taken to another region", () => {
  let server: Server;
  let got: { request: IncomingMessage; body: Buffer }[];
  let connections: PeerConnections;
  let twirp: PeerTwirp;
  let sockets: Set<unknown>;
  const LIST = "/twirp/livekit.RoomService/ListRooms";
  const DELETE = "/twirp/livekit.RoomService/DeleteRoom";

  beforeEach(async () => {
    got = [];
    sockets = new Set();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      sockets.add(request.socket);
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        got.push({ request, body: Buffer.concat(chunks) });
        response.setHeader("content-type", "application/protobuf");
        response.end(Buffer.from([1, 2, 3]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const urls = new RegionUrls("example.org", { us: `http://127.0.0.1:${port}` });
    connections = new PeerConnections(urls);
    const regions = { members: () => ["us"], reachable: (region: string) => region === "us" };
    twirp = new PeerTwirp(regions, connections, signer);
  });
  afterEach(async () => {
    connections.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const send = (path: string, body = Buffer.from([0, 255, 10])) =>
    twirp.forward("us", path, "application/protobuf", body, "Bearer livekit", 2000);

  it("arrives byte for byte, with LiveKit's token and one of ours that binds it", async () => {
    expect(await send(DELETE)).toMatchObject({ status: 200, body: Buffer.from([1, 2, 3]) });
    const [first] = got;
    if (first === undefined) {
      throw new Error("nothing arrived");
    }
    expect(first.body).toEqual(Buffer.from([0, 255, 10]));
    expect(first.request.headers).toMatchObject({
      authorization: "Bearer livekit",
      "content-type": "application/protobuf",
    });
    expect(Number(first.request.headers["x-twirp-timeout-ms"])).toBeGreaterThan(1500);
    const verifier = new RequestVerifier("peer", "us", () => [SECRET], seenHere());
    expect(await verifyPeer(verifier, first.request)).toMatchObject({ ok: false });
    expect(await verifyPeer(verifier, first.request, first.body)).toMatchObject({ ok: true });
    expect([twirp.members(), twirp.reachable("us")]).toEqual([["us"], true]);
  });

  it("goes over a kept connection if it only looks, and over one of its own if not", async () => {
    await send(LIST);
    await send(LIST);
    expect(sockets.size).toBe(1);
    await send(DELETE);
    await send(DELETE);
    expect(sockets.size).toBe(3);
  });

  it("is looked up again when the kept connection was closed", async () => {
    await send(LIST);
    const { port } = server.address() as AddressInfo;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect(await send(LIST)).toMatchObject({ status: 200 });
  });

  it("says so when it has not left", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(send(DELETE)).rejects.toThrow(NotSent);
    connections.forget("us");
    await expect(send(LIST)).rejects.toThrow(NotSent);
  });
});
