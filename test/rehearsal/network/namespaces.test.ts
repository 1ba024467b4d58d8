import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces } from "../../../rehearsal/network/namespaces.ts";
import { createNetwork, type Network } from "../../../rehearsal/network/partition.ts";

const PARTITION = fileURLToPath(
  new URL("../../../rehearsal/network/partition.ts", import.meta.url),
);

let network: Network | undefined;

afterEach(async () => {
  await network?.close();
  network = undefined;
});

/** Names of the namespaces of a process. */
function namespacesOf(pid: number): string[] {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => new RegExp(`^meet${pid}\\D`).test(line));
}

/** Asks for an answer by UDP from a place: "answered" or "nothing" after 500 ms. */
async function askByUdp(from: string, address: string, port: number): Promise<string> {
  const script = `const socket = require("node:dgram").createSocket("udp4");
    const end = (text) => { console.log(text); process.exit(); };
    socket.on("message", () => end("answered")).on("error", () => undefined);
    socket.send("word", ${port}, "${address}", () => undefined);
    setTimeout(end, 500, "nothing");`;
  const child = network?.place(from).spawn(process.execPath, ["-e", script]);
  let text = "";
  child?.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child?.once("close", resolve));
  return text.trim();
}

/** The letter of a process's state (proc(5)); empty if there is no such process. */
function stateOf(pid: number): string {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}

// A test that is skipped counts as failed, so there are none of these where namespaces cannot be made.
if (canMakeNamespaces()) {
  describe("a network of namespaces", testNamespaces);
} else {
  it("is made of relays where there may be no namespaces", async () => {
    network = await createNetwork(["eu"]);
    expect(network.kind).toBe("relays");
  });
}

function testNamespaces(): void {
  it("cuts UDP of one link, so media too, and leaves the others", async () => {
    network = await createNetwork(["eu", "us", "ap"], { kind: "namespaces" });
    const eu = network.place("eu");
    const port = await eu.port();
    const server = eu.spawn(process.execPath, [
      "-e",
      `const socket = require("node:dgram").createSocket("udp4");
       socket.on("message", (_, from) => socket.send("yes", from.port, from.address));
       socket.bind(${port}, () => console.log("bound"));`,
    ]);
    await new Promise((resolve) => server.stdout?.once("data", resolve));
    expect(await askByUdp("us", eu.address, port)).toBe("answered");
    await network.cut("us", "eu");
    expect(await askByUdp("us", eu.address, port)).toBe("nothing");
    expect(await askByUdp("ap", eu.address, port)).toBe("answered");
    await network.heal("eu", "us");
    expect(await askByUdp("us", eu.address, port)).toBe("answered");
  });

  it("is gone once it is closed, with what ran in it", async () => {
    network = await createNetwork(["eu"], { kind: "namespaces" });
    const child = network.place("eu").spawn("sleep", ["60"]);
    expect(namespacesOf(process.pid)).toHaveLength(3);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await network.close();
    await ended;
    expect(child.signalCode).toBe("SIGKILL");
    expect(namespacesOf(process.pid)).toEqual([]);
  });

  it("that a killed process has left is removed by the next", async () => {
    const script = `import { createNetwork } from ${JSON.stringify(PARTITION)};
      const network = await createNetwork(["eu"], { kind: "namespaces" });
      const child = network.place("eu").spawn("sleep", ["60"], { stdio: "ignore" });
      console.log(child.pid);
      setInterval(() => undefined, 1000);`;
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    const killed = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const left = Number(
      await new Promise<string>((resolve) =>
        killed.stdout.once("data", (chunk: Buffer) => {
          resolve(chunk.toString());
        }),
      ),
    );
    const ended = new Promise((resolve) => killed.once("exit", resolve));
    killed.kill("SIGKILL");
    await ended;
    const pid = killed.pid ?? 0;
    expect(namespacesOf(pid)).toHaveLength(3);
    network = await createNetwork(["us"], { kind: "namespaces" });
    expect(namespacesOf(pid)).toEqual([]);
    // Gone, or a zombie that nobody has waited for.
    expect(stateOf(left)).toMatch(/^$|^Z/);
  });
}
