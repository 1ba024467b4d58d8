import { describe, expect, it } from "vitest";
import type { Listed } from "../../../rehearsal/cloud/inventory.ts";
import { isHealthy, Opinion, verdict } from "../../../rehearsal/names/health.ts";
import { readZone } from "../../../rehearsal/names/records.ts";
import { check } from "./zone.ts";

const GUIDE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/";
const ENDPOINTS = `${GUIDE}dns-failover-determining-health-of-endpoints.html`;
const VALUES = `${GUIDE}health-checks-creating-values.html`;
const API = "https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html";

describe("one place's opinion", () => {
  it.each([
    [1, [true], true],
    [1, [true, false], false],
    [1, [false, true], true],
    [3, [true, true], undefined],
    [3, [true, true, true, false, false], true],
    [3, [true, true, true, false, false, false], false],
    [3, [true, true, true, false, false, true, false], true],
    [3, [false, false, false, true, true], false],
    [3, [false, false, false, true, true, true], true],
    [3, [true, false, true, false], undefined],
  ])(`with a threshold of %d is after %j: %j (${ENDPOINTS})`, (threshold, answers, opinion) => {
    const place = new Opinion(threshold);
    answers.forEach((passed) => {
      place.take(passed);
    });
    expect(place.isHealthy).toBe(opinion);
  });
});

describe("all places together", () => {
  const places = (healthy: number, ill: number): boolean[] => [
    ...Array.from({ length: healthy }, () => true),
    ...Array.from({ length: ill }, () => false),
  ];

  it.each([
    ["nobody has data", [], undefined],
    ["all find it healthy", places(8, 0), true],
    ["two of eight, 25 %", places(2, 6), true],
    ["one of eight, 12.5 %", places(1, 7), false],
    ["18 of 100, which is not more than 18 %", places(18, 82), false],
    ["19 of 100", places(19, 81), true],
    ["none", places(0, 8), false],
    ["one of one that has data", [true, undefined, undefined], true],
  ])(`find an endpoint healthy above 18 %%: %s (${ENDPOINTS})`, (_, opinions, healthy) => {
    expect(verdict(opinions)).toBe(healthy);
  });
});

interface Row {
  readonly rule: string;
  readonly page: string;
  readonly check: Parameters<typeof check>[1];
  /** What the places say of `a`, `b` and of the check itself; absent: no data yet. */
  readonly places?: Readonly<Record<string, boolean>>;
  readonly healthy: boolean;
}

const calculated = (threshold: number, more = {}): Parameters<typeof check>[1] => ({
  type: "CALCULATED",
  childHealthchecks: ["a", "b"],
  childHealthThreshold: threshold,
  ...more,
});

const rows: readonly Row[] = [
  { rule: "a new check is healthy", page: ENDPOINTS, check: {}, healthy: true },
  {
    rule: "a new check that is inverted is unhealthy",
    page: ENDPOINTS,
    check: { invertHealthcheck: true },
    healthy: false,
  },
  { rule: "as the places say", page: ENDPOINTS, check: {}, places: { x: false }, healthy: false },
  {
    rule: "inverted: healthy when the places say it is not",
    page: VALUES,
    check: { invertHealthcheck: true },
    places: { x: false },
    healthy: true,
  },
  {
    rule: "inverted: unhealthy when the places say it is",
    page: VALUES,
    check: { invertHealthcheck: true },
    places: { x: true },
    healthy: false,
  },
  {
    rule: "disabled: healthy whatever the places say",
    page: API,
    check: { disabled: true },
    places: { x: false },
    healthy: true,
  },
  {
    rule: "disabled and inverted: unhealthy, to send people elsewhere by hand",
    page: API,
    check: { disabled: true, invertHealthcheck: true },
    places: { x: true },
    healthy: false,
  },
  {
    rule: "calculated, 2 of 2: both are healthy",
    page: ENDPOINTS,
    check: calculated(2),
    places: { a: true, b: true },
    healthy: true,
  },
  {
    rule: "calculated, 2 of 2: one is not",
    page: ENDPOINTS,
    check: calculated(2),
    places: { a: true, b: false },
    healthy: false,
  },
  {
    rule: "calculated, 1 of 2: one is enough",
    page: ENDPOINTS,
    check: calculated(1),
    places: { a: false, b: true },
    healthy: true,
  },
  {
    rule: "calculated with a threshold of 0 is always healthy",
    page: API,
    check: calculated(0),
    places: { a: false, b: false },
    healthy: true,
  },
  {
    rule: "calculated with a threshold above the number of children is never healthy",
    page: API,
    check: calculated(3),
    places: { a: true, b: true },
    healthy: false,
  },
  {
    rule: "calculated and inverted",
    page: VALUES,
    check: calculated(2, { invertHealthcheck: true }),
    places: { a: true, b: true },
    healthy: false,
  },
];

describe("the status of a health check", () => {
  it.each(rows)("$rule ($page)", ({ check: inputs, places = {}, healthy }) => {
    const inventory: Listed[] = [check("x", inputs), check("a"), check("b")];
    expect(isHealthy("x", readZone(inventory).checks, (id) => places[id])).toBe(healthy);
  });

  it.each([
    ["both answer and the standby waits", { answers: true, waits: false }, true],
    ["the primary is away", { answers: false, waits: false }, false],
    [
      "the standby is promoted, though the old primary answers again",
      { answers: true, waits: true },
      false,
    ],
  ])("of Meet's primary, healthy AND NOT promoted: %s", (_, places, healthy) => {
    const { checks } = readZone([
      check("answers"),
      check("waits", { invertHealthcheck: true }),
      check("meet", {
        type: "CALCULATED",
        childHealthchecks: ["answers", "waits"],
        childHealthThreshold: 2,
      }),
    ]);
    const said: Readonly<Record<string, boolean>> = places;
    expect(isHealthy("meet", checks, (id) => said[id])).toBe(healthy);
  });

  it("is told not to be there", () => {
    expect(() => isHealthy("gone", new Map(), () => true)).toThrow(
      'Health check "gone": there is none. Deploy the stack that makes it.',
    );
  });
});
