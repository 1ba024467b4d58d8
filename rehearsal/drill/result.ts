/** What a participant joins with. */
export type ClientKind = "browser" | "node" | "signal";

/** What a participant was doing for a while. */
export type SpanState =
  /** In the meeting, and hears all the others who ought to be there. */
  | "in"
  /** Without signalling, or without anything from somebody. */
  | "out"
  /** Its library has given up; a person would have to join again. */
  | "gone";

/** A while of one participant's, in milliseconds from the fault on; negative before it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: SpanState;
}

/** One participant through one scenario. */
export interface ParticipantResult {
  readonly identity: string;
  readonly room: string;
  readonly client: ClientKind;
  /** Where the person is: the name of one of the drill's places. */
  readonly place: string;
  /** The region whose door it went in by. */
  readonly enteredBy: string;
  /** Whether the scenario touched this one at all: signalling lost, or somebody not heard. */
  readonly isAffected: boolean;
  /** From the loss of signalling until everything came again; null while it never did. */
  readonly outMs: number | null;
  /** Whether its library gave up trying. */
  readonly gaveUp: boolean;
  /** Whether its connection for signalling broke, be it for a moment. */
  readonly lostSignalling: boolean;
  readonly spans: readonly Span[];
}

/** How long those of one kind were out who were out at all. */
export interface Recovery {
  readonly client: ClientKind;
  readonly participants: number;
  readonly affected: number;
  readonly gaveUp: number;
  /** Undefined where nobody was affected; null where somebody never came back. */
  readonly medianMs?: number | null;
  readonly p95Ms?: number | null;
  readonly worstMs?: number | null;
  /** What the design allows the worst to be. */
  readonly budgetMs?: number;
}

/** Something that was promised, and what was found. */
export interface Guarantee {
  readonly sentence: string;
  readonly found: string;
  readonly isKept: boolean;
}

/** Something that happened at a moment: the fault, a health check, an operator's word. */
export interface Mark {
  readonly atMs: number;
  readonly what: string;
}

/** What one scenario did and found. */
export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What was done, in a sentence. */
  readonly done: string;
  /** When the fault began: ISO 8601. */
  readonly faultAt: string;
  readonly seconds: number;
  readonly participants: readonly ParticipantResult[];
  readonly recovery: readonly Recovery[];
  readonly marks: readonly Mark[];
  /** Rooms that were in two regions at once: the most during it, and what is left. */
  readonly split: { readonly during: number; readonly after: number };
  /** What was lost, a sentence each; empty when nothing was. */
  readonly lost: readonly string[];
  readonly guarantees: readonly Guarantee[];
  readonly runbook: { readonly file: string; readonly says: string };
  /** Why it could not be finished, if it could not. */
  readonly failure?: string;
}

/** One region of the fleet that was drilled. */
export interface DrilledRegion {
  readonly name: string;
  readonly awsRegion: string;
  readonly role: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly pods: Readonly<Record<string, number>>;
  readonly usdPerMonth?: number;
}

/** A place where people of the drill are. */
export interface DrilledPlace {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** What a drill found; what `--json` writes and the report shows. */
export interface DrillResult {
  readonly startedAt: string;
  readonly seconds: number;
  readonly fleet: string;
  readonly isQuick: boolean;
  readonly regions: readonly DrilledRegion[];
  readonly places: readonly DrilledPlace[];
  readonly scenarios: readonly ScenarioResult[];
  readonly setting: {
    readonly network: string;
    readonly delays: string;
    readonly checkIntervalSeconds: number;
    readonly ttlSeconds: number;
    readonly cores: number;
    /** Load of the machine per core while the drill ran; far above 1 it stretches every time. */
    readonly loadPerCore: number;
  };
  readonly costs: readonly CostLine[];
  readonly rewrites: readonly Rewrite[];
  readonly notProven: readonly string[];
}

/** What the plan says that a region costs. */
export interface CostLine {
  readonly region: string;
  readonly component: string;
  readonly usdPerMonth: number;
}

/** Something that runs here otherwise than it was deployed. */
export interface Rewrite {
  readonly object: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

/** Every guarantee that was not kept, and every scenario that failed, a sentence each. */
export function brokenOf(result: Pick<DrillResult, "scenarios">): readonly string[] {
  return result.scenarios.flatMap(({ name, guarantees, failure }) => [
    ...(failure === undefined ? [] : [`${name}: it could not be finished: ${failure}`]),
    ...guarantees
      .filter(({ isKept }) => !isKept)
      .map(({ sentence, found }) => `${name}: ${sentence} Found: ${found}`),
  ]);
}
