/** An availability zone as an account sees it: the name is the account's own, the id is the same for everybody. */
export interface Zone {
  readonly name: string;
  readonly zoneId: string;
}

/**
 * Zones that take no EKS control plane (Amazon EKS user guide, network-reqs, "Subnet requirements for clusters"). By
 * id, because names are shuffled per account: `us-east-1a` of one account is not that of another.
 */
export const UNSUPPORTED_ZONE_IDS: readonly string[] = ["use1-az3", "usw1-az2", "cac1-az3"];

/**
 * The names of the first `count` zones that EKS supports, in the order of their ids: the same physical zones for every
 * account. Which ones are taken is pinned in state afterwards (Network ignores changes of a subnet's zone).
 * @throws Error one sentence, when the region has fewer
 */
export function usableZones(zones: readonly Zone[], count: number, awsRegion: string): string[] {
  const usable = zones
    .filter(({ zoneId }) => !UNSUPPORTED_ZONE_IDS.includes(zoneId))
    .sort((one, other) => one.zoneId.localeCompare(other.zoneId, "en"));
  if (usable.length < count) {
    const found = zones.map(({ name, zoneId }) => `${name} (${zoneId})`).join(", ");
    throw new Error(
      `Region ${awsRegion}: ${count} availability zones are asked for, ${usable.length} can hold an EKS cluster of ` +
        `those this account sees: ${found === "" ? "none" : found}. Lower meet:network.zoneCount or choose another ` +
        "region.",
    );
  }
  return usable.slice(0, count).map(({ name }) => name);
}
