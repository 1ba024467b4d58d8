import { z } from "zod";
import { listOf, mismatch, section, text } from "./config-fields.ts";

const stackName = () => text("the name of a region", "us", /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/);

const rule = section({
  rooms: listOf(
    text("a room's name, or the beginning of one and *", "board-*", /^[^*]{0,512}\*?$/).min(1),
    "rooms",
  ).exactOptional(),
  countries: listOf(text("a country code", "FR", /^[A-Z]{2}$/), "country codes").exactOptional(),
  region: stackName(),
}).superRefine(({ rooms = [], countries = [] }, context) => {
  if (rooms.length > 0 === countries.length > 0) {
    context.addIssue({
      code: "custom",
      message: `${rooms.length > 0 ? "both rooms and countries" : "neither rooms nor countries"}. Give each rule one of the two.`,
    });
  }
});

/** Where rooms are put that nobody has pinned; what none of it names goes to the first participant's nearest region. */
export const placementSchema = section({
  rules: listOf(rule, "rules").default([]),
  countryHeader: text(
    "the name of a request header in lower case",
    "cf-ipcountry",
    /^[a-z0-9-]{1,64}$/,
  ).exactOptional(),
  order: z
    .record(stackName(), listOf(stackName(), "regions"), {
      error: ({ input }) =>
        mismatch(input, "for each region the others from the nearest on", "{ eu: [us, ap] }"),
    })
    .default({}),
}).superRefine(({ rules, countryHeader }, context) => {
  for (const [index, { countries }] of rules.entries()) {
    if (countries !== undefined && countryHeader === undefined) {
      context.addIssue({
        code: "custom",
        path: ["rules", index, "countries"],
        message:
          "nothing says which country a participant is in. Set meet:placement.countryHeader.",
      });
    }
  }
});

/** A fault of `meet:placement`: the path within it, and the sentence. */
export interface PlacementFault {
  readonly path: string;
  readonly sentence: string;
}

/** What names a region that the fleet has not, or a region twice. Values that are no placement have no faults here. */
export function placementFaults(value: unknown, stacks: readonly string[]): PlacementFault[] {
  const placement = placementSchema.safeParse(value ?? {}).data;
  if (placement === undefined) {
    return [];
  }
  const named = [
    ...placement.rules.map(({ region }, index) => ({ path: `rules[${index}].region`, region })),
    ...Object.keys(placement.order).map((region) => ({ path: `order.${region}`, region })),
    ...Object.entries(placement.order).flatMap(([own, others]) =>
      others.map((region, index) => ({ path: `order.${own}[${index}]`, region })),
    ),
  ];
  const strangers = named
    .filter(({ region }) => !stacks.includes(region))
    .map(({ path, region }) => ({
      path,
      sentence: `${region} is no region of this fleet (${stacks.join(", ")}). Name one of them, or add the region's file first.`,
    }));
  const repeated = Object.entries(placement.order).flatMap(([own, others]) =>
    others.flatMap((region, index) =>
      region === own || others.indexOf(region) < index
        ? [
            {
              path: `order.${own}[${index}]`,
              sentence: `${region} ${region === own ? "is the region itself" : "stands there already"}. Name each other region once.`,
            },
          ]
        : [],
    ),
  );
  return [...strangers, ...repeated];
}
