import type { Join } from "./join.ts";
import { ClientGone } from "./upstream.ts";

/** The time for a join is over. */
export class TooLate extends Error {}

/** Waits a little. @throws ClientGone, TooLate */
export function pause(ms: number, join: Pick<Join, "gone" | "deadline">): Promise<void> {
  return inTime(new Promise<void>((resolve) => setTimeout(resolve, ms)), join);
}

/** The result, if it comes before the join's deadline and while the client waits. @throws ClientGone, TooLate */
export function inTime<T>(work: Promise<T>, join: Pick<Join, "gone" | "deadline">): Promise<T> {
  if (join.gone.aborted) {
    work.catch(ignore);
    return Promise.reject(new ClientGone());
  }
  return new Promise((resolve, reject) => {
    const onGone = (): void => {
      reject(new ClientGone());
    };
    const timer = setTimeout(() => {
      reject(new TooLate());
    }, join.deadline.left());
    join.gone.addEventListener("abort", onGone);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      join.gone.removeEventListener("abort", onGone);
    });
  });
}

function ignore(): void {
  // Nobody waits for it any more.
}
