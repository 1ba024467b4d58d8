/** One region in the member list. */
export interface Member {
  /** 1 for a region that announced itself; an operator's word makes it higher. */
  readonly version: number;
  /** A removed region stays in the list, so that nobody who did not hear of it brings it back. */
  readonly state: "member" | "removed";
  /** The epoch in which the region was made the primary: who has the highest one is it. Left out by older gateways. */
  readonly primaryEpoch?: number;
}

/** The region that is the primary, and since which epoch. */
export interface Primary {
  readonly region: string;
  readonly epoch: number;
}

/** All regions ever heard of, by name. */
export type MemberList = Readonly<Record<string, Member>>;

/** Version of a region that announced itself. */
const ANNOUNCED = 1;

/**
 * Both lists in one: per region the higher version, at equal ones the removal, and the higher epoch. In whatever order,
 * the same comes out.
 */
export function mergeMembers(left: MemberList, right: MemberList): MemberList {
  const merged: Record<string, Member> = { ...left };
  for (const [region, member] of Object.entries(right)) {
    const held = lineOf(merged, region);
    merged[region] = held === undefined ? member : mergeLines(held, member);
  }
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The list with a region that says it is there. Nothing changes for one that was removed: only an operator admits it. */
export function announced(list: MemberList, region: string): MemberList {
  return mergeMembers({ [region]: { version: ANNOUNCED, state: "member" } }, list);
}

/** The list with a region that was made the primary in an epoch. */
export function withPrimary(list: MemberList, { region, epoch }: Primary): MemberList {
  const line: Member = { version: ANNOUNCED, state: "member", primaryEpoch: epoch };
  return mergeMembers(list, { [region]: line });
}

/** The primary by the highest epoch in the list, of two by the lesser name; undefined where none is said. */
export function primaryOf(list: MemberList): Primary | undefined {
  const [first] = Object.entries(list)
    .flatMap(([region, { primaryEpoch: epoch }]) => (epoch === undefined ? [] : { region, epoch }))
    .sort((one, other) => other.epoch - one.epoch || (one.region < other.region ? -1 : 1));
  return first;
}

/** The list after an operator's word about a region. */
export function decreed(
  list: MemberList,
  region: string,
  state: Member["state"],
  nowMs: number,
): MemberList {
  const version = Math.max((lineOf(list, region)?.version ?? 0) + 1, Math.floor(nowMs));
  return mergeMembers(list, { [region]: { version, state } });
}

/** True if both say the same. */
export function sameMembers(left: MemberList, right: MemberList): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every(
      (name) =>
        left[name]?.version === lineOf(right, name)?.version &&
        left[name]?.state === lineOf(right, name)?.state &&
        left[name]?.primaryEpoch === lineOf(right, name)?.primaryEpoch,
    )
  );
}

/** A region's line: `constructor` is a region's name, too. */
export function lineOf(list: MemberList, region: string): Member | undefined {
  return Object.hasOwn(list, region) ? list[region] : undefined;
}

function mergeLines(held: Member, heard: Member): Member {
  const { version, state } = isHigher(heard, held) ? heard : held;
  const epoch = Math.max(held.primaryEpoch ?? 0, heard.primaryEpoch ?? 0);
  return { version, state, ...(epoch === 0 ? {} : { primaryEpoch: epoch }) };
}

function isHigher(left: Member, right: Member): boolean {
  return left.version === right.version
    ? left.state === "removed" && right.state === "member"
    : left.version > right.version;
}
