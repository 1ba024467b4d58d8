import { describe, expect, it } from "vitest";
import { UNSUPPORTED_ZONE_IDS, usableZones } from "../../../components/network/zones.ts";

const UNITED_STATES = [
  { name: "us-east-1a", zoneId: "use1-az6" },
  { name: "us-east-1b", zoneId: "use1-az1" },
  { name: "us-east-1c", zoneId: "use1-az3" },
  { name: "us-east-1d", zoneId: "use1-az2" },
];

describe("usable zones", () => {
  it("are the first by id, whatever this account calls them", () => {
    expect(usableZones(UNITED_STATES, 2, "us-east-1")).toEqual(["us-east-1b", "us-east-1d"]);
    expect(usableZones([...UNITED_STATES].reverse(), 2, "us-east-1")).toEqual([
      "us-east-1b",
      "us-east-1d",
    ]);
  });

  it("leave out the zones that EKS does not support", () => {
    expect(UNSUPPORTED_ZONE_IDS).toEqual(["use1-az3", "usw1-az2", "cac1-az3"]);
    expect(usableZones(UNITED_STATES, 3, "us-east-1")).not.toContain("us-east-1c");
  });

  it("are refused in one sentence when the region has too few", () => {
    expect(() => usableZones(UNITED_STATES, 4, "us-east-1")).toThrow(
      "Region us-east-1: 4 availability zones are asked for, 3 can hold an EKS cluster of those this account sees: " +
        "us-east-1a (use1-az6), us-east-1b (use1-az1), us-east-1c (use1-az3), us-east-1d (use1-az2). " +
        "Lower meet:network.zoneCount or choose another region.",
    );
    expect(() => usableZones([], 2, "xx-west-1")).toThrow("those this account sees: none. Lower");
  });

  it("do not reorder the list they were given", () => {
    const given = [...UNITED_STATES];
    usableZones(given, 2, "us-east-1");
    expect(given).toEqual(UNITED_STATES);
  });
});
