import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { resolveFleet } from "../../infra/config.ts";
import { previousSecrets, secondMake } from "../../infra/previous-secrets.ts";
import { record, value } from "../support/record.ts";
import { fleetFiles, PRIMARY, type Settings } from "./fleet-samples.ts";

const KEPT = { generation: 2, keepPrevious: true };
const MAKES = {
  livekit: { apiKey: "APIold", apiSecret: "old-secret" },
  peer: "old-peer",
  operator: "old-operator",
};

function fleetWith(secrets: Settings) {
  const fleet = resolveFleet(fleetFiles({ eu: { ...PRIMARY, "meet:secrets": secrets } })).get("eu");
  if (fleet === undefined) {
    throw new Error("the sample has no stack eu");
  }
  return fleet.fleet;
}

describe("the second makes of shared secrets", () => {
  it("are none unless the configuration keeps them, whatever the primary has", async () => {
    const { result } = await record(() =>
      previousSecrets(fleetWith({}), { previous: pulumi.output(MAKES) }),
    );
    expect(result).toEqual({});
  });

  it("are secret outputs of those that are kept", async () => {
    const fleet = fleetWith({ livekitKeys: KEPT, peer: KEPT, operator: KEPT });
    const { result } = await record(() => {
      const { livekitKeys, ...others } = previousSecrets(fleet, { previous: pulumi.output(MAKES) });
      return { ...livekitKeys, ...others };
    });
    expect(Object.keys(result).sort()).toEqual([
      "apiKey",
      "apiSecret",
      "operatorSecret",
      "peerSecret",
    ]);
    const { apiKey, apiSecret, peerSecret, operatorSecret } = result;
    const all = [apiKey, apiSecret, peerSecret, operatorSecret].map((it) => pulumi.output(it));
    expect(await Promise.all(all.map((it) => pulumi.isSecret(it)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(await Promise.all(all.map((it) => value(it)))).toEqual([
      "APIold",
      "old-secret",
      "old-peer",
      "old-operator",
    ]);
  });

  it("need a primary that has made them", () => {
    expect(() => {
      secondMake("eu", "peer", undefined);
    }).toThrow(
      'Output "sharedSecrets" of stack "eu": it has no second make of peer, which meet:secrets keeps. Run pulumi up -s eu first.',
    );
    expect(secondMake("eu", "peer", "old-peer")).toBe("old-peer");
  });
});
