import { spawn, spawnSync } from "node:child_process";
import {
  linksOf,
  type CutKind,
  type Endpoint,
  type IsolateOptions,
  type LinkDelay,
  type Network,
} from "./partition.ts";
import { freePort, type Place } from "./place.ts";

/** Names of namespaces and of the test's own link carry the process id, so that left-overs are known. */
const PREFIX = "meet";
const ROUTER = "router";

/** A fresh namespace has all ports free; below the range that the kernel gives to outgoing connections. */
const FIRST_PORT = 20_000;

/** Addresses for tests between networks (RFC 2544): a /24 of 198.18.0.0/16 for each network, a /28 for each place. */
const ADDRESS_PREFIX = "198.18";
const PLACE_ADDRESSES = 16;
const MOST_PLACES = 256 / PLACE_ADDRESSES;

/**
 * One network namespace for each place, each on a link of its own to a router's namespace; the router forwards, and a
 * cut is a rule there that drops or refuses what one place sends to the other. TCP and media are cut alike.
 */
export class NamespaceNetwork implements Network {
  readonly kind = "namespaces";
  readonly description = "network namespaces with a router between them; media is cut too";
  private readonly members: readonly string[];
  private readonly ownName: string;
  private readonly id = `${PREFIX}${process.pid}`;
  private readonly block: number;
  private readonly nextPort = new Map<string, number>();
  /** By the two subnets, in both directions. */
  private readonly cuts = new Map<string, CutKind>();

  private constructor(members: readonly string[], ownName: string) {
    this.members = members;
    this.ownName = ownName;
    this.block = freeBlock();
    if (members.length > MOST_PLACES) {
      throw new Error(`Network: ${members.length} places, there is room for ${MOST_PLACES}.`);
    }
  }

  /** Makes it, after removing what processes have left that were killed. */
  static create(members: readonly string[], ownName: string): NamespaceNetwork {
    removeLeftOvers();
    const network = new NamespaceNetwork(members, ownName);
    try {
      network.build();
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  place(name: string): Place {
    const address = this.address(name);
    return {
      name,
      address,
      mediaAddress: address,
      command: this.command(name),
      port: () => (name === this.ownName ? freePort() : Promise.resolve(this.takePort(name))),
      spawn: (command, args, options = {}) => {
        const [program = command, ...words] = [...this.command(name), command, ...args];
        return spawn(program, words, options);
      },
    };
  }

  reach(_from: string, to: string, port: number): Promise<Endpoint> {
    return Promise.resolve({ host: this.address(to), port });
  }

  cut(one: string, other: string, kind: CutKind = "silent"): Promise<void> {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.removeRule(from, to);
      ip(["-n", this.id + ROUTER, "rule", "add", ...this.rule(from, to), ACTIONS[kind]]);
      this.cuts.set(`${from}>${to}`, kind);
    }
    return Promise.resolve();
  }

  async isolate(name: string, options: IsolateOptions = {}): Promise<void> {
    for (const other of linksOf(name, this.members, options.except)) {
      await this.cut(name, other, options.kind);
    }
  }

  heal(one?: string, other?: string): Promise<void> {
    for (const key of [...this.cuts.keys()]) {
      const [from = "", to = ""] = key.split(">");
      if (one === undefined || other === undefined || (isOneOf(from) && isOneOf(to))) {
        this.removeRule(from, to);
      }
    }
    return Promise.resolve();

    function isOneOf(name: string): boolean {
      return name === one || name === other;
    }
  }

  /**
   * Delays what one place sends to another, media too, by a queue on the router's end of each link (tc-netem(8)).
   * @returns whether the kernel has what it takes; if not, nothing is delayed
   */
  delay(delayMs: LinkDelay): boolean {
    const router = ["netns", "exec", this.id + ROUTER, "tc"];
    const made = this.members.every((to, index) => {
      const device = ["dev", `to${index}`];
      // All that no filter names goes to the first band, which does not wait.
      const bands = ["bands", "16", "priomap", ...Array<string>(16).fill("0")];
      const prio = [...["qdisc", "add", ...device, "root", "handle", "1:", "prio"], ...bands];
      return [
        prio,
        ...this.members.flatMap((from, band) => {
          const late = delayMs(from, to);
          const flow = `1:${(band + 2).toString(16)}`;
          const netem = ["netem", "delay", `${late}ms`, "limit", "100000"];
          const source = ["match", "ip", "src", this.subnet(from)];
          return late === 0
            ? []
            : [
                ["qdisc", "add", ...device, "parent", flow, ...netem],
                ["filter", "add", ...device, "parent", "1:", "u32", ...source, "flowid", flow],
              ];
        }),
      ].every((words) => spawnSync("ip", [...router, ...words]).status === 0);
    });
    if (!made) {
      this.members.forEach((_, index) =>
        spawnSync("ip", [...router, "qdisc", "del", "dev", `to${index}`, "root"]),
      );
    }
    return made;
  }

  close(): Promise<void> {
    this.remove();
    return Promise.resolve();
  }

  private build(): void {
    const router = this.id + ROUTER;
    ip(["netns", "add", router]);
    // Without a limit: whoever is refused by a cut is told each time, not once a second.
    const settings = ["net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0"];
    ip(["netns", "exec", router, "sysctl", "-q", "-w", ...settings]);
    this.members.forEach((member, index) => {
      const routerEnd = `to${index}`;
      const gateway = this.addressAt(member, 1);
      const isOwn = member === this.ownName;
      const end = isOwn ? this.id : "eth0";
      const inside = isOwn ? [] : ["-n", this.id + member];
      if (!isOwn) {
        ip(["netns", "add", this.id + member]);
        ip([...inside, "link", "set", "lo", "up"]);
      }
      const peer = ["peer", "name", routerEnd, "netns", router];
      ip([...inside, "link", "add", end, "type", "veth", ...peer]);
      ip(["-n", router, "addr", "add", `${gateway}/28`, "dev", routerEnd]);
      ip(["-n", router, "link", "set", routerEnd, "up"]);
      ip([...inside, "addr", "add", `${this.address(member)}/28`, "dev", end]);
      ip([...inside, "link", "set", end, "up"]);
      const others = isOwn ? `${ADDRESS_PREFIX}.${this.block}.0/24` : "default";
      ip([...inside, "route", "add", others, "via", gateway]);
    });
  }

  private remove(): void {
    removeNamespaces(process.pid);
  }

  /** `ip netns exec` becomes the program, so signals and the exit status are the program's. */
  private command(name: string): string[] {
    return name === this.ownName ? [] : ["ip", "netns", "exec", this.id + name];
  }

  private takePort(name: string): number {
    const port = this.nextPort.get(name) ?? FIRST_PORT;
    this.nextPort.set(name, port + 1);
    return port;
  }

  private address(name: string): string {
    return this.addressAt(name, 2);
  }

  private addressAt(name: string, host: number): string {
    const index = this.members.indexOf(name);
    if (index === -1) {
      throw new Error(`Network: no place "${name}". There are ${this.members.join(", ")}.`);
    }
    return `${ADDRESS_PREFIX}.${this.block}.${index * PLACE_ADDRESSES + host}`;
  }

  private subnet(name: string): string {
    return `${this.addressAt(name, 0)}/28`;
  }

  private rule(from: string, to: string): string[] {
    return ["from", this.subnet(from), "to", this.subnet(to), "priority", "100"];
  }

  private removeRule(from: string, to: string): void {
    const kind = this.cuts.get(`${from}>${to}`);
    if (kind !== undefined) {
      ip(["-n", this.id + ROUTER, "rule", "del", ...this.rule(from, to), ACTIONS[kind]]);
      this.cuts.delete(`${from}>${to}`);
    }
  }
}

const ACTIONS: Readonly<Record<CutKind, string>> = { silent: "blackhole", refused: "unreachable" };

/** True where this process may make namespaces and links. Tried out, because being root is not enough in a container. */
export function canMakeNamespaces(): boolean {
  const name = `${PREFIX}${process.pid}try`;
  const made =
    spawnSync("ip", ["netns", "add", name]).status === 0 &&
    spawnSync("ip", ["-n", name, "link", "add", "one", "type", "veth", "peer", "name", "two"])
      .status === 0 &&
    spawnSync("ip", ["netns", "exec", name, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])
      .status === 0;
  spawnSync("ip", ["netns", "del", name]);
  return made;
}

/** Namespaces of processes that are no more, with what still runs in them. */
function removeLeftOvers(): void {
  const owners = new Set(
    namespaceNames().map((name) => Number(/^meet(\d+)/.exec(name)?.[1] ?? Number.NaN)),
  );
  for (const owner of owners) {
    if (!Number.isNaN(owner) && owner !== process.pid && !isAlive(owner)) {
      removeNamespaces(owner);
    }
  }
}

/** A /24 that no other network on this machine uses. */
function freeBlock(): number {
  const routes = spawnSync("ip", ["-4", "route"], { encoding: "utf8" }).stdout;
  let block = process.pid % 256;
  while (routes.includes(`${ADDRESS_PREFIX}.${block}.`)) {
    block = (block + 1) % 256;
  }
  return block;
}

/** Removes the namespaces of a process, with what still runs in them. */
export function removeNamespaces(owner: number): void {
  const id = `${PREFIX}${owner}`;
  for (const name of namespaceNames().filter((name) => new RegExp(`^${id}\\D`).test(name))) {
    const inside = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" }).stdout;
    for (const pid of inside.split("\n").filter((line) => line !== "")) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    spawnSync("ip", ["netns", "del", name]);
  }
  // The test's own link; its other end was in the router's namespace, which may take a moment to go.
  spawnSync("ip", ["link", "del", id]);
}

function namespaceNames(): string[] {
  const { status, stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n").map((line) => line.split(" ")[0] ?? "") : [];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function ip(args: readonly string[]): void {
  const done = spawnSync("ip", args, { encoding: "utf8" });
  if (done.status !== 0) {
    throw new Error(`ip ${args.join(" ")}: ${done.error?.message ?? done.stderr.trim()}`);
  }
}
