import type { Claim } from "../../../../services/rooms/placement/claim.ts";
import { Unplaceable } from "../../../../services/rooms/placement/proposer.ts";
import { PeerUnreachable } from "../../../../services/rooms/placement/ports.ts";
import type { Refusal } from "../../../../services/rooms/placement/placement.ts";
import type { Pod, SimTunnel } from "./pod.ts";
import type { World } from "./world.ts";

/** Milliseconds for which a gateway goes on trying for one attempt of a client. */
const ATTEMPT_MS = 8_000;

/** A participant with the stock client's habits: comes back at once when cut, first by a resume. */
export class Client {
  readonly identity: string;
  readonly room: string;
  /** Where it is connected: the claim it was let in under. */
  at: { readonly region: string; readonly tenure: number } | undefined;
  wanted = true;
  private readonly world: World;
  private readonly home: string;
  private session: string | undefined;
  private parts: (() => void)[] = [];
  private failures = 0;
  /** The attempt under way; an earlier one that its gateway is still busy with has lost its connection. */
  private current = 0;

  constructor(world: World, identity: string, room: string, home: string) {
    this.world = world;
    this.identity = identity;
    this.room = room;
    this.home = home;
  }

  start(): void {
    this.tryAgain(0);
  }

  /** Leaves for good. */
  leave(): void {
    this.wanted = false;
    const { at, session } = this;
    this.end();
    if (at !== undefined && session !== undefined) {
      this.world.region(at.region).liveKit.left(this.room, this.identity, session);
    }
  }

  /** Comes again, as somebody who was never there. */
  comeAgain(): void {
    this.wanted = true;
    this.session = undefined;
    this.failures = 0;
    this.start();
  }

  /** LiveKit said goodbye: a real client does not come back by itself. */
  dismissed(): void {
    this.world.violation(`${this.identity} was sent away from ${this.room} for good`);
  }

  private tryAgain(delayMs: number): void {
    this.world.scheduler.at(delayMs, () => {
      if (this.wanted && this.at === undefined) {
        void this.attempt();
      }
    });
  }

  private async attempt(): Promise<void> {
    const entry = this.world.entryFor(this.home);
    if (entry === undefined) {
      this.tryAgain(500);
      return;
    }
    const isResume = this.session !== undefined && this.failures === 0;
    const outcome = await this.through(entry, isResume);
    this.world.note(
      `${this.identity} ${isResume ? "resume" : "join"} by ${entry.name}: ${outcome}`,
    );
    if (outcome !== "in") {
      this.failures++;
      if (outcome === "resume refused") {
        this.session = undefined;
      }
      const pause = outcome === "resume refused" ? 10 : Math.min(300 * this.failures, 7_000);
      this.tryAgain(pause + this.world.random.between(0, 50));
    } else {
      this.failures = 0;
    }
  }

  /** What the entry's gateway does for one attempt; gives up where the pod dies under it. */
  private through(entry: Pod, isResume: boolean): Promise<"in" | "out" | "resume refused"> {
    this.current++;
    return new Promise((resolve) => {
      this.world.scheduler.at(ATTEMPT_MS + 1_000, () => {
        resolve("out");
      });
      this.tunnel(entry, isResume).then(resolve, (error: unknown) => {
        this.world.broken(error);
        resolve("out");
      });
    });
  }

  private async tunnel(entry: Pod, isResume: boolean): Promise<"in" | "out" | "resume refused"> {
    const { scheduler } = this.world;
    const begin = scheduler.now;
    const attempt = this.current;
    while (scheduler.now - begin < ATTEMPT_MS) {
      let claim: Claim;
      try {
        claim = await entry.placement.locate({ room: this.room });
      } catch (error) {
        if (error instanceof Unplaceable) {
          return "out";
        }
        throw error;
      }
      const outcome = await this.atHost(entry, claim, isResume, attempt);
      if (outcome === "in" || outcome === "resume refused") {
        return outcome;
      }
      entry.placement.refused(claim, outcome.why, outcome.found);
      await new Promise<void>((resolve) => {
        scheduler.at(this.world.random.between(50, 200), () => {
          if (entry.alive) {
            resolve();
          }
        });
      });
    }
    return "out";
  }

  private async atHost(
    entry: Pod,
    claim: Claim,
    isResume: boolean,
    attempt: number,
  ): Promise<"in" | "resume refused" | { readonly why: Refusal; readonly found?: Claim }> {
    const isOwn = claim.region === entry.region.name;
    try {
      return isOwn
        ? await this.join(entry, entry, claim, isResume, attempt)
        : await entry.peers.call(
            claim.region,
            (host) => this.join(entry, host, claim, isResume, attempt),
            5_000,
          );
    } catch (error) {
      if (error instanceof PeerUnreachable) {
        return { why: "unreachable" };
      }
      throw error;
    }
  }

  private async join(
    entry: Pod,
    host: Pod,
    claim: Claim,
    isResume: boolean,
    attempt: number,
  ): Promise<"in" | "resume refused" | { readonly why: Refusal; readonly found?: Claim }> {
    for (let tries = 0; tries < 3; tries++) {
      const admission = await host.admit(this.room, claim, this.identity);
      if (!admission.admitted) {
        const found =
          admission.reason === "moved" && admission.claim !== undefined
            ? { found: admission.claim }
            : {};
        return { why: admission.reason, ...found };
      }
      if (attempt !== this.current || !this.wanted || this.at !== undefined) {
        return "in";
      }
      const liveKit = host.region.liveKit;
      const answer = liveKit.join(this.room, this.identity, isResume);
      if (answer.kind === "down") {
        return { why: "livekit-down" };
      }
      if (answer.kind === "no such room") {
        continue;
      }
      if (answer.kind === "resume refused") {
        return "resume refused";
      }
      const { session } = answer;
      this.world.note(`${this.identity} ${answer.kind} ${session} at ${host.name}`);
      if (answer.kind === "resumed" && session !== this.session) {
        this.world.lapse(`${this.identity} was resumed into a dead session of ${this.room}`);
      }
      this.connected(entry, host, claim, session);
      await host.keeper.changed(this.room);
      return "in";
    }
    return { why: "moved" };
  }

  private connected(entry: Pod, host: Pod, claim: Claim, session: string): void {
    const { region, tenure } = claim;
    this.at = { region, tenure };
    this.session = session;
    const tunnel: SimTunnel = {
      room: this.room,
      region,
      tenure,
      identity: this.identity,
      cut: () => {
        this.end();
      },
    };
    const pods = entry === host ? [entry] : [entry, host];
    for (const pod of pods) {
      pod.add(tunnel);
    }
    void host.store
      .setPresent(this.room, host.name, this.presentThrough(host))
      .catch(() => undefined);
    this.parts = [
      ...pods.map((pod) => () => {
        pod.remove(tunnel);
      }),
      () => {
        host.region.liveKit.lost(this.room, this.identity, session);
      },
    ];
    this.world.linked(this, entry.region.name, region);
  }

  private presentThrough(host: Pod): readonly string[] {
    return host
      .groups()
      .filter((group) => group.room === this.room && group.region === host.region.name)
      .flatMap((group) => group.identities);
  }

  /** The connection is gone, at whichever end. */
  end(): void {
    if (this.at === undefined) {
      return;
    }
    this.world.note(`${this.identity} lost ${this.room} at ${this.at.region}`);
    this.at = undefined;
    for (const part of this.parts) {
      part();
    }
    this.parts = [];
    this.tryAgain(this.world.random.between(5, 60));
  }
}
