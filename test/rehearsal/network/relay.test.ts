import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNetwork, TEST, type Network } from "../../../rehearsal/network/partition.ts";
import { freePort } from "../../../rehearsal/network/place.ts";
import { Relay } from "../../../rehearsal/network/relay.ts";

let echo: Server;
let port: number;
const clients: Socket[] = [];

beforeEach(async () => {
  port = await freePort();
  echo = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(port, "127.0.0.1", resolve));
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.destroy();
  }
  await new Promise((resolve) => echo.close(resolve));
});

/** What happens to a word sent to the port: the word, "closed", "refused", or "silence" after 300 ms. */
async function say(client: Socket, word: string): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    client.once("data", (chunk) => {
      resolve(chunk.toString());
    });
    client.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" ? "refused" : "closed");
    });
    client.once("close", () => {
      resolve("closed");
    });
  });
  client.write(word);
  return Promise.race([answer, sleep(300).then(() => "silence")]);
}

function open(to: number): Socket {
  const client = connect(to, "127.0.0.1");
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}

describe("a relay", () => {
  let relay: Relay;

  beforeEach(async () => {
    relay = new Relay({ target: { host: "127.0.0.1", port } });
    await relay.start();
  });

  afterEach(() => relay.close());

  it("passes bytes both ways, later if it is told so", async () => {
    const client = open(relay.port);
    expect(await say(client, "one")).toBe("one");
    relay.delayMs = 60;
    const before = Date.now();
    expect(await say(client, "two")).toBe("two");
    expect(Date.now() - before).toBeGreaterThanOrEqual(115);
  });

  it("that is silent keeps connections, takes new ones and passes nothing on", async () => {
    const client = open(relay.port);
    expect(await say(client, "one")).toBe("one");
    await relay.set("silent");
    expect(await say(client, "two")).toBe("silence");
    expect(await say(open(relay.port), "three")).toBe("silence");
    await relay.set("open");
    expect(await say(client, "four")).toBe("closed");
    expect(await say(open(relay.port), "five")).toBe("five");
  });

  it("that refuses resets what is open, and is back on the same port", async () => {
    const client = open(relay.port);
    expect(await say(client, "one")).toBe("one");
    await relay.set("refused");
    expect(await say(client, "two")).toBe("closed");
    expect(await say(open(relay.port), "three")).toBe("refused");
    await relay.set("open");
    expect(await say(open(relay.port), "four")).toBe("four");
  });
});

describe("a network of relays", () => {
  let network: Network;

  beforeEach(async () => {
    network = await createNetwork(["eu", "us"], { kind: "relays" });
  });

  afterEach(() => network.close());

  const through = async (from: string, to: string): Promise<string> =>
    say(open((await network.reach(from, to, port)).port), "word");

  it("cuts one link and leaves the others", async () => {
    await network.cut("eu", "us", "refused");
    expect(await through("eu", "us")).toBe("refused");
    expect(await through("us", "eu")).toBe("refused");
    expect(await through(TEST, "us")).toBe("word");
    await network.heal("us", "eu");
    expect(await through("eu", "us")).toBe("word");
  });

  it("isolates a place but for those named, and heals all", async () => {
    await network.isolate("eu", { kind: "refused", except: [TEST] });
    expect(await through("us", "eu")).toBe("refused");
    expect(await through(TEST, "eu")).toBe("word");
    expect(await through("eu", "eu")).toBe("word");
    await network.heal();
    expect(await through("us", "eu")).toBe("word");
  });

  it("knows its places", () => {
    expect(() => network.place("mars")).toThrow(
      'Network: no place "mars". There are eu, us, clients, test.',
    );
  });
});
