import { createHash } from "node:crypto";

/**
 * The members in the order in which they may decide a room's split: rendezvous hashing, so that all gateways agree
 * without a word, and that a member that leaves changes nothing for the rooms of the others.
 */
export function arbiters(room: string, members: readonly string[]): readonly string[] {
  return members
    .map((region) => ({ region, weight: weightOf(room, region) }))
    .sort((left, right) => (left.weight < right.weight ? 1 : -1))
    .map(({ region }) => region);
}

function weightOf(room: string, region: string): string {
  return createHash("sha256").update(`${region}\n${room}`).digest("hex");
}
