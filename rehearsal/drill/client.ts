import type { BrowserTab } from "../clients/browser.ts";
import type { Outage } from "../clients/outage.ts";
import type { RtcNodeParticipant } from "../clients/rtc-node.ts";

/** What somebody went through since a moment. */
export interface Experience {
  /** The longest time out, in milliseconds; Infinity while it lasts. */
  readonly outMs: number;
  /** When that began, in milliseconds since the epoch, if there was one: a silent region is missed before it is noticed. */
  readonly outSince?: number;
  /** When signalling was lost, in milliseconds since the epoch, if it was. */
  readonly lostAt?: number;
  /** Whether its library gave up trying. */
  readonly gaveUp: boolean;
}

/** Somebody's client as the drill sees it, whatever library it is made of. */
export interface DrillClient {
  readonly identity: string;
  readonly kind: "browser" | "node";
  /** Waits until something has come from each of the others after a moment. @throws after the seconds */
  untilHears(
    others: readonly string[],
    options: { readonly after: number; readonly seconds: number },
  ): Promise<void>;
  experience(others: readonly string[], since: number): Promise<Experience>;
  leave(): Promise<void>;
}

/** A participant of @livekit/rtc-node: what it hears are messages of the others. */
export function nodeClient(participant: RtcNodeParticipant): DrillClient {
  return {
    identity: participant.identity,
    kind: "node",
    untilHears: (others, options) => participant.untilHears(others, options),
    experience: (others, since) => {
      const lost = participant.notes("reconnecting", "disconnected");
      return Promise.resolve({
        ...outOf(participant.outage(others, since)),
        gaveUp: participant.disconnected !== undefined,
        ...firstSince(lost, since),
      });
    },
    leave: () => participant.leave(),
  };
}

/** A tab of a real browser: what it hears are decoded frames of the others' cameras, and their sound. */
export function browserClient(tab: BrowserTab): DrillClient {
  return {
    identity: tab.identity,
    kind: "browser",
    untilHears: (others, options) => tab.untilSees(others, options),
    experience: async (others, since) => {
      const notes = await tab.notes();
      const lost = notes.filter(({ what }) => what === "reconnecting" || what === "disconnected");
      const out = outOf(await tab.outage(others, since));
      const gaveUp = notes.some(({ what }) => what === "disconnected");
      return { ...out, gaveUp, ...firstSince(lost, since) };
    },
    leave: () => tab.leave(),
  };
}

function outOf({ outMs, beganAt }: Outage): Pick<Experience, "outMs" | "outSince"> {
  return { outMs, ...(beganAt === undefined ? {} : { outSince: beganAt }) };
}

function firstSince(
  notes: readonly { readonly at: number }[],
  since: number,
): { readonly lostAt?: number } {
  const first = notes.find(({ at }) => at >= since);
  return first === undefined ? {} : { lostAt: first.at };
}
