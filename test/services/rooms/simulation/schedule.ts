import {
  LiveKitDown,
  PeerUnreachable,
  StoreAway,
} from "../../../../services/rooms/placement/ports.ts";
import { Unplaceable } from "../../../../services/rooms/placement/proposer.ts";
import { World, type Region } from "./world.ts";

/** Names of what a schedule may throw at the fleet. */
export const PROFILES = [
  "calm",
  "crashes",
  "stores",
  "media",
  "partitions",
  "lines",
  "operations",
  "everything",
] as const;

/** What a schedule throws at the fleet. */
export type Profile = (typeof PROFILES)[number];

/** What came of a schedule. */
export interface Outcome {
  readonly seed: number;
  readonly profile: Profile;
  readonly violations: readonly string[];
  /** What a partition may still do, rarely: a resume into a session from before it. */
  readonly lapses: readonly string[];
  /** What happened, line by line. */
  readonly history: readonly string[];
}

const REGIONS = ["ap", "eu", "sa", "us"] as const;

/** Virtual milliseconds after the last fault within which every room must be whole again. */
const WHOLE_WITHIN_MS = 24_000;

/** Runs the schedule of a seed: joins, faults, quiet, and then the look at what is left. */
export async function runSchedule(seed: number): Promise<Outcome> {
  const profile = PROFILES[seed % PROFILES.length] ?? "calm";
  const world = new World(seed);
  const { random, scheduler } = world;
  const names = REGIONS.slice(0, 2 + Math.floor(random.between(0, 2.4)));
  for (const name of names) {
    world.addRegion(name, 1 + Math.floor(random.between(0, 2.2)));
  }
  world.spreadMembers(0);
  // Gateways have polled each other once before anybody comes.
  await scheduler.runUntil(2_600);
  const rooms = Array.from({ length: 1 + Math.floor(random.between(0, 2)) }, (_, i) => `room-${i}`);
  for (let index = 0; index < 2 + Math.floor(random.between(0, 5)); index++) {
    const client = world.addClient(random.pick(rooms), random.pick(names));
    const isFirst = random.chance(0.6);
    scheduler.at(isFirst ? random.between(0, 60) : random.between(0, 6_000), () => {
      client.start();
    });
    if (random.chance(0.35)) {
      const leaves = random.between(500, 3_500);
      scheduler.at(leaves, () => {
        client.leave();
      });
      scheduler.at(leaves + random.between(500, 3_000), () => {
        client.comeAgain();
      });
    }
  }
  const faultsEnd = plan(world, profile);
  await scheduler.runUntil(faultsEnd);
  world.note("QUIET from here on");
  world.network.heal();
  world.network.loss = 0;
  world.network.slow = 0;
  const end = profile === "calm" ? faultsEnd + 6_000 : faultsEnd + WHOLE_WITHIN_MS;
  await scheduler.runUntil(end);
  checkWhole(world, rooms);
  return {
    seed,
    profile,
    violations: world.violations,
    lapses: world.lapses,
    history: world.history,
  };
}

/** Puts the faults of a profile into the schedule; gives the time after which there are none. */
function plan(world: World, profile: Profile): number {
  const { random, scheduler, network } = world;
  const begin = scheduler.now;
  const regions = [...world.regions.values()];
  const isPartitioned = profile === "partitions" || profile === "everything";
  const isLineCut = profile === "lines" && regions.length > 2;
  world.strict = !isPartitioned;
  world.areMovesChecked = !isPartitioned;
  if (profile === "calm" || (profile === "lines" && !isLineCut)) {
    network.slow = random.chance(0.5) ? 0.1 : 0;
    return begin + 4_000;
  }
  let at = begin;
  const faults = 1 + Math.floor(random.between(0, 3));
  for (let fault = 0; fault < faults; fault++) {
    // One store at a time: the next fault comes when the last one is over and has been noticed.
    at += random.between(200, 4_000);
    const region = random.pick(regions);
    const lasts = random.between(300, 9_000);
    scheduler.at(at - scheduler.now, () => {
      strike(world, profile, region, lasts);
    });
    at += lasts + 2_000;
  }
  if (profile === "everything") {
    network.loss = random.between(0, 0.05);
    network.slow = random.between(0, 0.1);
  }
  return Math.max(at, begin + 6_500);
}

function strike(world: World, profile: Profile, region: Region, lasts: number): void {
  const { random } = world;
  const kind =
    profile === "everything"
      ? random.pick(["crashes", "stores", "media", "partitions", "lines"] as const)
      : profile;
  if (profile === "operations") {
    operate(world);
    return;
  }
  if (world.isSpent) {
    return;
  }
  world.note(`FAULT ${kind} at ${region.name} for ${lasts.toFixed(0)}`);
  if (kind !== "lines") {
    world.troubled(region.name);
  }
  const { scheduler } = world;
  scheduler.at(lasts, () => {
    if (kind !== "lines") {
      world.troubled(region.name);
    }
  });
  if (kind === "lines") {
    // Every other region still reaches both: no room may move, and whoever enters at one end gets in at the other.
    const other = random.pick([...world.regions.keys()].filter((name) => name !== region.name));
    world.network.sever(region.name, other);
    scheduler.at(lasts, () => {
      world.network.heal();
    });
  } else if (kind === "crashes") {
    const isWhole = random.chance(0.3) || region.pods.filter((pod) => pod.alive).length < 2;
    // A region without a gateway is cut off from the others. A second fault on top may split rooms, as a partition may.
    world.isSpent = isWhole && world.strict;
    const count = isWhole ? region.pods.length : 1;
    for (const pod of region.pods.filter((it) => it.alive).slice(0, count)) {
      pod.crash();
    }
    scheduler.at(lasts, () => {
      while (region.pods.filter((pod) => pod.alive).length < 2) {
        world.addPod(region);
      }
    });
  } else if (kind === "stores") {
    const isBlip = random.chance(0.5);
    if (random.chance(0.4)) {
      // What was decided just before is what a failover loses.
      moveAll(world, random.chance(0.5) ? region.name : random.pick([...world.regions.keys()]));
    }
    const begins = random.between(0, 700);
    scheduler.at(begins, () => {
      region.valkey.fail();
      region.liveKit.valkeyChanged();
    });
    scheduler.at(begins + (isBlip ? random.between(1, 400) : lasts), () => {
      region.valkey.recover(random.pick(["nothing", "last writes", "everything"]));
      region.liveKit.valkeyChanged();
    });
  } else if (kind === "media") {
    region.liveKit.kill();
    scheduler.at(lasts, () => {
      region.liveKit.start();
    });
  } else {
    partition(world, region, lasts);
  }
}

/** What operators do: move a room, evacuate a region, add one, take one away. */
function operate(world: World): void {
  const { random } = world;
  const kind = random.pick(["move", "and back", "evacuate", "add", "remove"] as const);
  const regions = world.knownMembers().map((name) => world.region(name));
  const region = random.pick(regions);
  world.note(`OPERATION ${kind} at ${region.name}`);
  if (kind === "add" && regions.length < REGIONS.length) {
    const name = REGIONS.find((it) => !world.regions.has(it));
    if (name !== undefined) {
      world.addRegion(name, 2);
      world.spreadMembers(3_000);
    }
  } else if (kind === "move" || kind === "and back") {
    moveAll(world, region.name);
    for (const after of kind === "and back" ? [random.between(700, 3_500)] : []) {
      world.scheduler.at(after, () => {
        for (const { name } of regions.filter((it) => it !== region)) {
          moveAll(world, name, region.name);
        }
      });
    }
  } else if (kind === "evacuate" || (kind === "remove" && regions.length > 2)) {
    region.draining = true;
    for (const pod of world.pods(region.name).slice(0, 1)) {
      void pod.mover
        .evacuate(() => undefined)
        .then((left) => {
          world.note(`evacuated ${region.name}, left ${left.join(", ")}`);
          if (kind === "remove" && left.length === 0) {
            remove(world, region);
          }
        })
        .catch(ignoreAway);
    }
  }
}

function moveAll(world: World, from: string, to?: string): void {
  // An operator's word: that the room is taken elsewhere if the new region is lost at once is no fault.
  world.troubled(from);
  for (const pod of world.pods(from).slice(0, 1)) {
    void pod.mover
      .hosted()
      .then((rooms) => Promise.all(rooms.map((room) => pod.mover.move(room, to))))
      .catch(ignoreAway);
  }
}

/** A region leaves: all hear of it, and some time after its gateways are gone. */
function remove(world: World, region: Region): void {
  world.removed.add(region.name);
  world.spreadMembers(3_000);
  world.scheduler.at(6_000, () => {
    for (const pod of region.pods) {
      pod.crash();
    }
  });
}

function ignoreAway(error: unknown): void {
  const isExpected =
    error instanceof StoreAway ||
    error instanceof PeerUnreachable ||
    error instanceof LiveKitDown ||
    error instanceof Unplaceable;
  if (!isExpected) {
    throw error;
  }
}

function partition(world: World, region: Region, lasts: number): void {
  const { network, random, scheduler } = world;
  const others = [...world.regions.keys()].filter((name) => name !== region.name);
  const from = random.chance(0.6) ? others : [random.pick(others)];
  for (const other of from) {
    network.sever(region.name, other);
  }
  scheduler.at(lasts, () => {
    network.heal();
  });
}

/** All who want to be in a room are in it, in the one region that every store names, and nowhere is anything left. */
function checkWhole(world: World, rooms: readonly string[]): void {
  for (const room of rooms) {
    const wanted = world.clients.filter((client) => client.room === room && client.wanted);
    const places = new Set(wanted.map((it) => (it.at === undefined ? "out" : placeOf(it.at))));
    if (wanted.length > 0 && places.size !== 1) {
      world.violation(`${room} is not whole: people are at ${[...places].join(", ")}`);
    }
    if (places.has("out")) {
      world.violation(`${room}: somebody is still out`);
    }
    const standing = [...world.regions.values()].filter(({ name }) => !world.removed.has(name));
    const claims = standing.map(({ name, valkey }) => {
      const claim = valkey.data.claims.get(room);
      // A proposal that was never confirmed is brought to its end by whoever asks next.
      return { name, place: claim?.confirmed === true ? placeOf(claim) : "nowhere" };
    });
    for (const { name, place } of wanted.length > 0 ? claims : []) {
      if (!places.has(place) && place !== "nowhere") {
        world.violation(`${room}: the store of ${name} says ${place}, people are elsewhere`);
      }
    }
  }
}

function placeOf(at: { readonly region: string; readonly tenure: number }): string {
  return `${at.region} (tenure ${at.tenure})`;
}
