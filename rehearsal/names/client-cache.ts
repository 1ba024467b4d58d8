import type { Answer } from "./answer.ts";

/** What a client's resolver keeps: an answer for its TTL, and not a moment longer. */
export class ClientCache {
  private readonly ask: (name: string) => Answer | undefined;
  private readonly now: () => number;
  private readonly kept = new Map<string, { readonly answer: Answer; readonly until: number }>();

  /** @param now milliseconds. @default the clock */
  constructor(ask: (name: string) => Answer | undefined, now: () => number = Date.now) {
    this.ask = ask;
    this.now = now;
  }

  /** The answer that is kept, or a new one. A name that does not exist is not kept. */
  lookUp(name: string): Answer | undefined {
    const kept = this.kept.get(name);
    if (kept !== undefined && this.now() < kept.until) {
      return kept.answer;
    }
    const answer = this.ask(name);
    if (answer !== undefined) {
      this.kept.set(name, { answer, until: this.now() + answer.ttlSeconds * 1000 });
    }
    return answer;
  }
}
