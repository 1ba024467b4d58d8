import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NoAnswer, Outbound } from "../../../services/recordings/outbound.ts";

let server: Server;
let serve: RequestListener;
let outbound: Outbound;
let url: string;

beforeEach(async () => {
  server = createServer((request, response) => {
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/x?y=%2f`;
  outbound = new Outbound();
});

afterEach(() => {
  outbound.close();
  server.closeAllConnections();
  server.close();
});

function read(timeoutMs = 5000, maxBytes = 1000) {
  return outbound.read({ method: "GET", url, headers: {}, timeoutMs }, maxBytes);
}

describe("a request to others", () => {
  it("has its target as it is, is answered whole, and follows no redirect", async () => {
    let target = "";
    serve = (request, response) => {
      target = request.url ?? "";
      response.writeHead(302, { location: "/elsewhere" }).end("body");
    };
    expect(await read()).toMatchObject({ status: 302, body: "body" });
    expect(target).toBe("/x?y=%2f");
  });

  it("is given up without an answer in time, before its head and within its body", async () => {
    serve = () => undefined;
    await expect(read(50)).rejects.toThrow(new NoAnswer("50 ms"));
    serve = (_request, response) => {
      response.writeHead(200).write("half");
    };
    await expect(read(50)).rejects.toBeInstanceOf(NoAnswer);
  });

  it("is given up when its body trickles for longer than the time, or is too long", async () => {
    serve = (_request, response) => {
      const timer = setInterval(() => response.write("."), 10);
      response.on("close", () => {
        clearInterval(timer);
      });
    };
    await expect(read(200)).rejects.toBeInstanceOf(NoAnswer);
    serve = (_request, response) => {
      response.end("x".repeat(1001));
    };
    await expect(read()).rejects.toThrow("more than 1000 bytes");
  });

  it("is made again over a new connection when the kept one turns out to be closed", async () => {
    let requests = 0;
    serve = (request, response) => {
      requests += 1;
      if (requests === 2) {
        request.socket.destroy();
      } else {
        response.end("ok");
      }
    };
    expect(await read()).toMatchObject({ body: "ok" });
    expect(await read()).toMatchObject({ body: "ok" });
    expect(requests).toBe(3);
  });

  it("names no address when it fails", async () => {
    server.close();
    server.closeAllConnections();
    await expect(read()).rejects.toThrow(new NoAnswer("ECONNREFUSED"));
  });

  it("leaves nothing behind on a connection that is used a hundred times", async () => {
    const warnings: string[] = [];
    const warn = (warning: Error): void => {
      warnings.push(warning.name);
    };
    process.on("warning", warn);
    serve = (_request, response) => {
      response.end("ok");
    };
    for (let times = 0; times < 100; times += 1) {
      await read();
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warn);
    expect(warnings).toEqual([]);
  });
});
