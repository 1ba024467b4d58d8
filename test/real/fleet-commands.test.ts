import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, type CommandEnd } from "../e2e/fleet-commands.ts";
import type { RtcNodeParticipant } from "../../rehearsal/clients/rtc-node.ts";
import { Meetings } from "../support/rooms/meetings.ts";
import { OPERATOR_SECRET } from "../support/rooms/rooms-fleet.ts";

/** What operators do to rooms, with people in them, by the command line itself. */
let fleet: Meetings;
let folder: string;
let anna: RtcNodeParticipant;
let ben: RtcNodeParticipant;

const ROOM = "daily / 1";

beforeAll(async () => {
  fleet = await Meetings.start({ regions: ["eu", "us"] });
  folder = mkdtempSync(join(tmpdir(), "meet-fleet-commands-"));
  const secret = join(folder, "operator");
  writeFileSync(secret, OPERATOR_SECRET);
  chmodSync(secret, 0o600);
  anna = await fleet.joinNode("eu", ROOM, "anna", { audio: true });
  ben = await fleet.joinNode("us", ROOM, "ben", { audio: true });
  await bothHear(0);
});

afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function bothHear(after: number): Promise<void> {
  await Promise.all([anna.untilHears(["ben"], { after }), ben.untilHears(["anna"], { after })]);
}

/** What LiveKit lists where the room was before is deleted within half a minute. */
async function onlyIn(region: string): Promise<void> {
  await expect.poll(() => fleet.hosts(ROOM), { timeout: 40_000 }).toEqual([region]);
}

/** There is no stack here: the secret comes from a file, and the files are the repository's. */
function run(...args: readonly string[]): Promise<CommandEnd> {
  const endpoints = Object.fromEntries(
    ["eu", "us"].map((name) => [name, fleet.region(name).testUrl]),
  );
  const environment = {
    PATH: process.env["PATH"] ?? "",
    MEET_FLEET_ENDPOINTS: JSON.stringify(endpoints),
    MEET_FLEET_OPERATOR_SECRET_FILE: join(folder, "operator"),
  };
  return runCommand({ program: process.cwd(), environment }, ...args);
}

describe("npx fleet on real gateways", () => {
  it("shows a room and the people in it", async () => {
    const { stdout } = await run("room", "show", ROOM);
    expect(stdout).toContain(`Room ${ROOM} is in eu.`);
    expect(stdout).toMatch(/^ {2}eu: says eu hosts it .*; 2 people connected here$/m);
    const status = JSON.parse((await run("status", "--json")).stdout) as {
      regions: { region: string; gateway: { value: { rooms: number; participants: number } } }[];
    };
    const eu = status.regions.find(({ region }) => region === "eu");
    expect(eu?.gateway.value).toMatchObject({ rooms: 1, participants: 2 });
  });

  it("moves it while people talk", async () => {
    const began = Date.now();
    const moved = await run("room", "move", ROOM, "--to", "us", "--yes");
    expect(moved.stdout, moved.stderr).toBe(`Room ${ROOM} is in us now.\n`);
    await bothHear(began + 1000);
    await onlyIn("us");
  });

  it("evacuates the region that has it, and says when that is empty", async () => {
    const began = Date.now();
    const evacuated = await run("evacuate", "us", "--yes");
    expect(evacuated.stdout, evacuated.stderr).toContain("Region us is empty and takes no rooms.");
    await bothHear(began + 1000);
    await onlyIn("eu");
    expect((await run("status")).stdout).toMatch(/drain .*takes rooms .*evacuation by \S/);
  });

  it("lets it take rooms again", async () => {
    expect((await run("undrain", "us")).stdout).toBe("Region us takes rooms again.\n");
    const again = await run("undrain", "us");
    expect(again.stdout).toBe("Region us takes rooms; there is nothing to do.\n");
  });
});
