import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beginBody, bodyOf } from "../../../services/rooms/signalling/answer-body.ts";
import { clientAddress, networkOf } from "../../../services/rooms/signalling/client-address.ts";
import { NotHttp, parseHead } from "../../../services/rooms/signalling/http-head.ts";
import { passedHeaders, tokenOf } from "../../../services/rooms/signalling/join.ts";
import { RateLimit } from "../../../services/rooms/signalling/rate-limit.ts";

describe("the head of an answer", () => {
  it("is read as it is, once it is all there, and what follows is kept", () => {
    const bytes = Buffer.from("HTTP/1.1 101 Switching\r\nX-A: 1\r\nx-a:2 \r\n\r\nrest");
    for (let length = 0; length < bytes.indexOf("rest"); length++) {
      expect(parseHead(bytes.subarray(0, length))).toBeUndefined();
    }
    const parsed = parseHead(bytes);
    expect(parsed?.head.status).toBe(101);
    expect(parsed?.head.reason).toBe("Switching");
    expect(parsed?.head.headers).toEqual([
      ["X-A", "1"],
      ["x-a", "2"],
    ]);
    expect(parsed?.head.bytes.toString()).toBe(bytes.subarray(0, -4).toString());
    expect(parsed?.rest.toString()).toBe("rest");
  });

  it("is the final one: interim answers are skipped", () => {
    const bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.0 204\r\n\r\n";
    expect(parseHead(Buffer.from(bytes))?.head.status).toBe(204);
    expect(parseHead(Buffer.from("HTTP/1.1 100 Continue\r\n\r\nHTTP"))).toBeUndefined();
  });

  it.each([
    ["no status line", "SSH-2.0\r\n\r\n"],
    ["no status line", "HTTP/1.1 99 X\r\n\r\n"],
    ["no status line", "HTTP/1.1 200 a\u0000b\r\n\r\n"],
    ["a header that is none", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
    ["a header that is none", "HTTP/1.1 200 OK\r\nb ad: x\r\n\r\n"],
    ["a header that is none", "HTTP/1.1 200 OK\r\na: x\ny: z\r\n\r\n"],
    ["a head above 65536 bytes", `HTTP/1.1 200 OK\r\na: ${"x".repeat(65_536)}`],
    ["a head above 65536 bytes", `HTTP/1.1 200 OK\r\na: ${"x".repeat(65_536)}\r\n\r\n`],
  ])("is not one: %s", (fault, bytes) => {
    expect(() => parseHead(Buffer.from(bytes))).toThrow(new NotHttp(fault));
  });

  it("that is anything at all is read or refused, and breaks nothing", () => {
    const piece = fc.oneof(
      fc.constantFrom("HTTP/1.1 200 OK", "\r\n", ": ", "\r\n\r\n", "Connection", "chunked"),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        try {
          parseHead(Buffer.from(pieces.join(""), "latin1"));
        } catch (error) {
          expect(error).toBeInstanceOf(NotHttp);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

/** What is read of a body that arrives in these pieces. */
async function read(
  headers: Readonly<Record<string, string>>,
  pieces: readonly string[],
  status = 400,
  received = "[",
): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const socket: Socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  try {
    const head = { status, headers: Object.entries(headers) };
    const { begin, rest } = await beginBody(bodyOf(head, Buffer.from(received), socket), 1000);
    const parts = [begin];
    for await (const part of rest ?? []) {
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  } finally {
    socket.destroy();
    server.close();
  }
}

describe("the body of an answer", () => {
  it("ends with its length, with its last chunk, or with the connection", async () => {
    expect(await read({ "Content-Length": "3" }, ["ab", "next"])).toBe("[ab");
    expect(await read({}, ["ab", "cd]"])).toBe("[abcd]");
    expect(await read({ "Content-Length": "5000" }, ["x".repeat(4999)])).toHaveLength(5000);
    expect(await read({ "Content-Length": "0" }, ["next"])).toBe("");
    expect(await read({}, ["next"], 204)).toBe("");
  });

  it("is refused where it ends too soon, or its chunks have no size", async () => {
    await expect(read({ "Content-Length": "9" }, ["abc"])).rejects.toThrow("cut off");
    const chunked = { "Transfer-Encoding": "chunked" };
    await expect(read(chunked, ["3\r\nabc"])).rejects.toThrow("a chunk without a size");
    await expect(read(chunked, ["x".repeat(2000)])).rejects.toThrow("a chunk without a size");
  });

  it("in chunks is the same however it arrives", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, unit: "grapheme-ascii" }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        async (chunks, step) => {
          const encoded = chunks.map((text) => `${text.length.toString(16)};a=b\r\n${text}\r\n`);
          const text = `${encoded.join("")}0\r\n\r\n`;
          const pieces: string[] = [];
          for (let at = 0; at < text.length; at += step) {
            pieces.push(text.slice(at, at + step));
          }
          // The first byte was received already: it is taken for the size's first digit, which is zero.
          const all = await read({ "Transfer-Encoding": "Chunked" }, pieces, 400, "0");
          expect(all).toBe(chunks.join(""));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("a client's address", () => {
  const of = (forwarded: string | undefined): string =>
    clientAddress({
      headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
      socket: { remoteAddress: "::ffff:10.1.2.3" },
    });

  it.each([
    [undefined, "10.1.2.3"],
    ["", "10.1.2.3"],
    ["203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7", "203.0.113.7"],
    ["6.6.6.6,nonsense", "10.1.2.3"],
    ["203.0.113.7:5123", "203.0.113.7"],
    ["2001:DB8::1", "2001:db8::1"],
    ["[2001:db8::1]:5123", "2001:db8::1"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["fe80::1%eth0", "fe80::1"],
    ["0x7f.1", "10.1.2.3"],
  ])("is the one that the balancer added: %s", (forwarded, address) => {
    expect(of(forwarded)).toBe(address);
  });

  it("counts by network: a household has 64 bits of IPv6", () => {
    expect(networkOf("203.0.113.7")).toBe("203.0.113.7");
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe(networkOf("2001:db8:1:2::1"));
    expect(networkOf("2001:db8:1:3::1")).not.toBe(networkOf("2001:db8:1:2::1"));
    expect(networkOf("unknown")).toBe("unknown");
  });
});

describe("a rate limit", () => {
  it("lets so many through at once, then so many a minute, each key for itself", () => {
    let now = 0;
    const limit = new RateLimit(6, 10, () => now);
    const taken = Array.from({ length: 7 }, () => limit.take("a"));
    expect(taken).toEqual([0, 0, 0, 0, 0, 0, 10]);
    expect(limit.take("b")).toBe(0);
    now = 10_000;
    expect([limit.take("a"), limit.take("a")]).toEqual([0, 10]);
    now = 1_000_000;
    expect(Array.from({ length: 7 }, () => limit.take("a")).filter((it) => it > 0)).toHaveLength(1);
  });

  it("keeps no more keys than it may, and forgets the one not seen for longest", () => {
    const limit = new RateLimit(1, 3, () => 0);
    for (const key of ["a", "b", "c", "a", "d"]) {
      limit.take(key);
    }
    expect(limit.size()).toBe(3);
    expect(limit.take("a")).toBeGreaterThan(0);
    expect(limit.take("b")).toBe(0);
  });
});

describe("the token of a request", () => {
  it.each([
    [{}, "/rtc", ""],
    [{}, "/rtc?access_token=abc&x=y", "abc"],
    [{}, "/rtc?x=y&access_token=a%2Eb", "a.b"],
    [{}, "/rtc?access_token=one&access_token=two", "one"],
    [{ authorization: "Bearer abc" }, "/rtc?access_token=other", "abc"],
    [{ authorization: "bearer abc" }, "/rtc?access_token=other", ""],
    [{ authorization: "" }, "/rtc?access_token=abc", "abc"],
    [{}, "/rtc?access_token=%zz%", "%zz%"],
  ])("is taken from where LiveKit takes it: %o %s", (headers, url, token) => {
    expect(tokenOf({ headers, url })).toBe(token);
  });
});

it("no header between gateways, of a hop, or about the client is ever passed on, whatever it looks like", () => {
  const name = fc.oneof(
    fc.constantFrom(
      "X-Meet-Peer",
      "x-meet-claim",
      "COOKIE",
      "X-Forwarded-For",
      "Upgrade",
      "CF-Ray",
    ),
    fc.stringMatching(/^[A-Za-z-]{1,20}$/),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (headers) => {
      const passed = passedHeaders(headers.flat()).map(([it]) => it.toLowerCase());
      for (const it of passed) {
        expect(it).not.toMatch(/^(x-meet-|x-forwarded-|cf-|cookie$|upgrade$|connection$|host$)/);
      }
    }),
  );
});
