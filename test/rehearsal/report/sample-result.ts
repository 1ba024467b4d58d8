import { recoveryOf } from "../../../rehearsal/drill/statistics.ts";
import type {
  DrillResult,
  ParticipantResult,
  ScenarioResult,
  Span,
} from "../../../rehearsal/drill/result.ts";

/** Somebody who was out for a while from the fault on. */
export function person(
  index: number,
  out: { readonly from: number; readonly to: number } | undefined,
  more: Partial<ParticipantResult> = {},
): ParticipantResult {
  const end = 12_000;
  const spans: readonly Span[] =
    out === undefined
      ? [{ fromMs: -4000, toMs: end, state: "in" }]
      : [
          { fromMs: -4000, toMs: out.from, state: "in" },
          { fromMs: out.from, toMs: out.to, state: "out" },
          { fromMs: out.to, toMs: end, state: "in" },
        ];
  return {
    identity: `person-${index}`,
    room: `room-${Math.floor(index / 3)}`,
    client: index % 3 === 0 ? "browser" : "node",
    place: index % 2 === 0 ? "Paris" : "Virginia",
    enteredBy: index % 2 === 0 ? "eu" : "us",
    isAffected: out !== undefined,
    outMs: out === undefined ? 0 : out.to - out.from,
    gaveUp: false,
    lostSignalling: out !== undefined,
    spans,
    ...more,
  };
}

/** A scenario of nine people; of a few of them nothing was asked. */
export function scenario(name: string, more: Partial<ScenarioResult> = {}): ScenarioResult {
  const participants = more.participants ?? [
    ...Array.from({ length: 7 }, (_, n) => person(n, { from: 20 + n * 15, to: 500 + n * 130 })),
    person(7, undefined),
    person(8, undefined),
  ];
  return {
    name,
    title: `Scenario ${name}`,
    done: "Every LiveKit of eu got SIGKILL and stayed down.",
    faultAt: "2026-11-23T09:00:00.000Z",
    seconds: 31,
    participants,
    recovery: recoveryOf(participants, { browser: 2000, node: 2000 }),
    marks: [
      { atMs: 0, what: "LiveKit of eu killed" },
      { atMs: 9000, what: "health check of livekit.eu.example.org: unhealthy" },
    ],
    split: { during: 0, after: 0 },
    lost: [],
    guarantees: [
      { sentence: "Everybody is back within 2 s.", found: "Worst: 1.2 s.", isKept: true },
      { sentence: "No room is split.", found: "0 rooms.", isKept: true },
    ],
    runbook: { file: "docs/runbooks/region-lost.md", says: "Nothing has to be done." },
    ...more,
  };
}

/** A whole result as a drill writes it. */
export function sampleResult(more: Partial<DrillResult> = {}): DrillResult {
  const pods = { livekit: 2, rooms: 2, valkey: 1 };
  return {
    startedAt: "2026-11-23T09:00:00.000Z",
    seconds: 190,
    fleet: "meet.example.org",
    isQuick: false,
    regions: [
      { name: "eu", awsRegion: "eu-west-3", role: "primary", latitude: 48.9, longitude: 2.4, pods },
      {
        name: "us",
        awsRegion: "us-east-1",
        role: "standby",
        latitude: 38.9,
        longitude: -77.5,
        pods,
      },
      {
        name: "ap",
        awsRegion: "ap-northeast-1",
        role: "media",
        latitude: 35.7,
        longitude: 139.7,
        pods,
      },
    ],
    places: [
      { name: "Paris", latitude: 47, longitude: 5 },
      { name: "Virginia", latitude: 36, longitude: -86 },
    ],
    scenarios: [
      scenario("livekit-lost"),
      scenario("region-lost", {
        participants: [
          person(0, { from: 10, to: 21_000 }),
          person(1, { from: 10, to: 24_000 }, { gaveUp: true, outMs: null }),
          person(2, undefined),
        ],
        split: { during: 1, after: 0 },
        lost: ["2 webhooks that eu had not yet relayed."],
      }),
    ],
    setting: {
      network: "network namespaces",
      delays: "netem",
      checkIntervalSeconds: 10,
      ttlSeconds: 5,
      cores: 2,
      loadPerCore: 0.7,
    },
    costs: [
      { region: "eu", component: "cluster", usdPerMonth: 420 },
      { region: "eu", component: "postgres", usdPerMonth: 310 },
      { region: "us", component: "cluster", usdPerMonth: 401 },
    ],
    rewrites: [
      {
        object: "eu/ConfigMap livekit",
        what: "address of the store",
        from: "rediss://livekit.abc.euw3.cache.amazonaws.com:6379",
        to: "redis://198.18.0.2:20001",
      },
    ],
    notProven: ["Nothing ran on AWS.", "No <script>alert(1)</script> either."],
    ...more,
  };
}
