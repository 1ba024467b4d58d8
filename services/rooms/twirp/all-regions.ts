import { ListEgressRequest } from "@livekit/protocol";
import type { Deadline } from "./deadline.ts";
import type { EmptyList } from "./methods.ts";
import type { Sender } from "./sender.ts";
import { codeOf, emptyList, errorAnswer, mergedLists, type TwirpAnswer } from "./twirp-answer.ts";
import { TwirpBody, type Codec } from "./twirp-body.ts";
import type { TwirpCall } from "./upstream.ts";

/** Which region has a recording, or what to answer where none says so. */
export type Search =
  | { readonly isFound: true; readonly region: string }
  | { readonly isFound: false; readonly answer: TwirpAnswer };

interface Part {
  readonly region: string;
  readonly answer: TwirpAnswer;
}

/** Asks all regions at once where one alone can not be known. */
export class AllRegions {
  private readonly sender: Sender;
  /** All regions, this one first. */
  readonly regions: () => readonly string[];

  constructor(sender: Sender, regions: () => readonly string[]) {
    this.sender = sender;
    this.regions = regions;
  }

  /** The lists of all regions as one. What does not answer is left out: its rooms are lost with it. */
  merged(call: TwirpCall, list: EmptyList, deadline: Deadline): Promise<TwirpAnswer> {
    const calls = this.regions().map((region) => ({ region, call }));
    return this.mergedOf(calls, list, call.body.codec, deadline);
  }

  /** The lists that these calls give, as one. */
  async mergedOf(
    calls: readonly { readonly region: string; readonly call: TwirpCall }[],
    list: EmptyList,
    codec: Codec,
    deadline: Deadline,
  ): Promise<TwirpAnswer> {
    const answers = await Promise.all(
      calls.map(({ region, call }) => this.sender.toRegion(region, call, deadline, true)),
    );
    const lists = answers.filter(({ status }) => status === 200);
    if (lists.length === 0) {
      return answers[0] ?? emptyList(codec, list.list);
    }
    return mergedLists(codec, list.list, lists);
  }

  /** The answer of the one that has what the call is about. Each is asked once. */
  async holder(call: TwirpCall, deadline: Deadline): Promise<TwirpAnswer> {
    const parts = await Promise.all(
      this.regions().map(async (region): Promise<Part> => {
        return { region, answer: await this.sender.toRegion(region, call, deadline, false) };
      }),
    );
    const answers = parts.map(({ answer }) => answer);
    const notFound = answers.find((answer) => codeOf(answer) === "not_found");
    return (
      answers.find(({ status }) => status === 200) ??
      answers.find((answer) => codeOf(answer) !== "not_found") ??
      notFound ??
      errorAnswer("not_found", "no region has it")
    );
  }

  /**
   * Looks for a recording with the client's own token. A region that does not have it says so at once, from its Redis
   * (livekit/livekit, pkg/service/ioservice.go), whereas StopEgress there would wait for an answer for seconds.
   */
  async search(call: TwirpCall, egressId: string, deadline: Deadline): Promise<Search> {
    const body = new TwirpBody(
      "protobuf",
      Buffer.from(new ListEgressRequest({ egressId }).toBinary()),
    );
    const contentType = "application/protobuf";
    const look: TwirpCall = { ...call, method: "ListEgress", contentType, body };
    const seen: TwirpAnswer[] = [];
    const found = await firstOf(
      this.regions().map(async (region) => {
        const answer = await this.sender.toRegion(region, look, deadline, true);
        seen.push(answer);
        // A list with nothing in it is a message of no bytes.
        return answer.status === 200 && answer.body.length > 0 ? region : undefined;
      }),
    );
    if (found !== undefined) {
      return { isFound: true, region: found };
    }
    const fault = seen.find((answer) => answer.status !== 200 && codeOf(answer) !== "not_found");
    const answer = fault ?? errorAnswer("not_found", "egress does not exist");
    return { isFound: false, answer };
  }
}

/** The first result that is one, as soon as it is there; undefined once all have none. */
async function firstOf<T>(promises: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  const found = promises.map(async (promise) => {
    const result = await promise;
    if (result === undefined) {
      throw new NoneHere();
    }
    return result;
  });
  try {
    return await Promise.any(found);
  } catch (error) {
    const others =
      error instanceof AggregateError
        ? error.errors.filter((one: unknown) => !(one instanceof NoneHere))
        : [error];
    if (others.length > 0) {
      throw others[0];
    }
    return undefined;
  }
}

class NoneHere extends Error {}
