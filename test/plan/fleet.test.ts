import { describe, expect, it } from "vitest";
import { generatedFleet } from "../../bench/generated-fleet.ts";
import { recordFleet, RecordingError } from "../../plan/fleet-recording.ts";
import { planFleet } from "../../plan/plan.ts";
import { loadPrices } from "../../plan/prices.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { textReport } from "../../plan/report-text.ts";
import { repositoryFiles } from "../support/fleets.ts";

/** The repository's two regions and as many media regions more as are asked for. */
function filesOf(regions: number): Map<string, string> {
  return generatedFleet(repositoryFiles(), regions);
}

describe("A fleet of twenty regions", () => {
  it("is recorded once per stack", async () => {
    const seen: string[] = [];
    const progress: string[] = [];
    await recordFleet(
      filesOf(20),
      (stack, index, count) => progress.push(`${stack} ${index}/${count}`),
      (config) => {
        seen.push(config.stack);
        return Promise.resolve([]);
      },
    );
    expect(seen).toHaveLength(20);
    expect(new Set(seen).size).toBe(20);
    expect(progress[0]).toBe("eu 1/20");
    expect(progress.at(-1)).toMatch(/ 20\/20$/);
  });

  it("grows by the same number of resources with each media region", async () => {
    const sizes = async (regions: number): Promise<number[]> =>
      [...(await recordFleet(filesOf(regions))).values()].map(({ resources }) => resources.length);
    const [eu, us, media, ...none] = await sizes(3);
    expect(none).toEqual([]);
    expect(media).toBeGreaterThan(50);
    expect(await sizes(5)).toEqual([eu, us, media, media, media]);
  });

  it("is analysed with a number of steps linear in its regions", async () => {
    const [eu] = [...(await recordFleet(filesOf(2))).values()];
    expect(eu).toBeDefined();
    if (eu === undefined) {
      return;
    }
    const reads = (regions: number): number => {
      let amount = 0;
      const counted = eu.resources.map((resource): Recorded => {
        const { inputs } = resource;
        return {
          ...resource,
          get inputs() {
            amount += 1;
            return inputs;
          },
        };
      });
      const fleet = new Map(
        Array.from({ length: regions }, (_, index) => [
          `r${index}`,
          { config: { ...eu.config, stack: `r${index}` }, resources: counted },
        ]),
      );
      planFleet(fleet, { files: new Map(), prices: loadPrices() });
      return amount;
    };
    expect(reads(20)).toBe(10 * reads(2));
  });
});

describe("A stack that the program refuses", () => {
  it("is named in one sentence", async () => {
    const refused = recordFleet(filesOf(2), undefined, () =>
      Promise.reject(new Error('Network "main": too small. Use a /20.')),
    );
    await expect(refused).rejects.toThrow(RecordingError);
    await expect(refused).rejects.toThrow('Stack "eu": Network "main": too small. Use a /20.');
  });

  it("keeps the stack trace of what is a fault of the program", async () => {
    await expect(
      recordFleet(filesOf(2), undefined, () => Promise.reject(new TypeError("x is no function"))),
    ).rejects.toThrow(TypeError);
  });
});

describe("The report for a terminal", () => {
  it("has every section for every stack and no secret", async () => {
    const files = filesOf(2);
    const plans = planFleet(await recordFleet(files), {
      files,
      prices: loadPrices(),
    });
    const text = textReport([...plans.values()], "example.org");
    for (const title of [
      "What would be created",
      "Names people will see",
      "When a region is lost",
      "Availability that published service levels add up to",
      "AWS quotas needed (a new account's default)",
      "Cost, estimated",
      "Warnings",
    ]) {
      expect(text.split(`\n${title}\n`)).toHaveLength(3);
    }
    expect(text).not.toContain("placeholder-of-a-secret");
    expect(JSON.stringify([...plans])).not.toContain("placeholder-of-a-secret");
  });

  it("says of a fleet of one that there is nowhere to go", async () => {
    const files = repositoryFiles();
    files.delete("Pulumi.us.yaml");
    const plans = planFleet(await recordFleet(files), {
      files,
      prices: loadPrices(),
    });
    expect(textReport([...plans.values()], "example.org")).toContain(
      "There is no other region: people are out until this one is back.",
    );
  });
});
