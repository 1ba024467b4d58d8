import { afterEach, describe, expect, it } from "vitest";
import { Membership } from "../../../../services/rooms/peers/membership.ts";
import type { MemberList } from "../../../../services/rooms/peers/member-list.ts";
import { statusAnswerSchema } from "../../../../services/rooms/peers/messages.ts";
import { KeptLog, MemoryMembers, PeerNode } from "./fleet.ts";

const nodes: PeerNode[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});

/** Regions over real HTTP, each with the primary that it was told when it was deployed. */
async function fleet(told: Readonly<Record<string, readonly [region: string, epoch: number]>>) {
  const urls: Record<string, string> = {};
  const made = Object.entries(told).map(([name, [region, epoch]]) => {
    const node = new PeerNode(name, urls, ["eu", "us"], { primary: { region, epoch } });
    nodes.push(node);
    return [name, node] as const;
  });
  await Promise.all(made.map(([, node]) => node.listen()));
  const of = new Map(made);
  return (name: string): PeerNode => {
    const node = of.get(name);
    if (node === undefined) {
      throw new Error(`there is no ${name}`);
    }
    return node;
  };
}

function membership(store: MemoryMembers, log = new KeptLog()): Membership {
  const primary = { region: "eu", epoch: 1 };
  return new Membership({ region: "eu", homes: ["eu", "us"], primary, store, log });
}

describe("a primary that comes back after another region was promoted", () => {
  it("learns it from the promoted region's first answer, and says so once", async () => {
    const node = await fleet({ eu: ["eu", 1], us: ["us", 2] });
    expect(node("eu").membership.primary()).toBe("eu");
    await node("eu").monitor.start();
    expect(node("eu").membership.primary()).toBe("us");
    await node("eu").membership.merge(node("us").membership.list());
    const said = node("eu").log.lines.filter(({ message }) => message.includes("was promoted"));
    expect(said).toEqual([
      {
        level: "warn",
        message: "another region was promoted: Meet is not to serve here",
        fields: { primary: "us", epoch: 2, own: 1 },
      },
    ]);
  });

  it("learns it as well from a media region that was not deployed since", async () => {
    const node = await fleet({ eu: ["eu", 1], us: ["us", 2], ap: ["eu", 1] });
    await node("ap").monitor.start();
    expect(node("ap").membership.primary()).toBe("us");
    node("us").http.closeAllConnections();
    await new Promise((resolve) => node("us").http.close(resolve));
    await node("ap").calls.announce("eu", node("ap").membership.list());
    expect(node("eu").membership.primary()).toBe("us");
  });

  it("does not change the region that was promoted", async () => {
    const node = await fleet({ eu: ["eu", 1], us: ["us", 2] });
    await Promise.all([node("us").monitor.start(), node("eu").monitor.start()]);
    expect(node("us").membership.primary()).toBe("us");
    expect(node("us").log.lines.filter(({ level }) => level === "warn")).toEqual([]);
  });

  it("knows it after a restart that finds no other region, from the store", async () => {
    const store = new MemoryMembers();
    await membership(store).merge({ us: { version: 1, state: "member", primaryEpoch: 2 } });
    const later = membership(store);
    expect(later.primary()).toBe("eu");
    await later.sync();
    expect(later.primary()).toBe("us");
  });
});

describe("gateways of two versions side by side", () => {
  /** What a gateway that knows no epochs makes of a line. */
  const older = (list: MemberList): MemberList =>
    Object.fromEntries(
      Object.entries(list).map(([region, { version, state }]) => [region, { version, state }]),
    );
  const known: MemberList = {
    eu: { version: 1, state: "member", primaryEpoch: 1 },
    us: { version: 1, state: "member", primaryEpoch: 2 },
  };

  it("understand each other's answers", () => {
    const status = { region: "us", liveKitUp: true, storeUp: true };
    expect(statusAnswerSchema.parse({ status, members: older(known) }).members).toEqual(
      older(known),
    );
    expect(statusAnswerSchema.parse({ status, members: known }).members).toEqual(known);
  });

  it("keep the fence where an older pod writes the region's list over", async () => {
    const store = new MemoryMembers();
    const fenced = membership(store);
    await fenced.merge(known);
    store.text = JSON.stringify(older(known));
    await fenced.sync();
    expect(fenced.primary()).toBe("us");
    expect(store.text).toContain('"primaryEpoch":2');
  });
});
