/** Signs a token of this deployment with each of its keys; KeyRing does. */
export interface TokenSigners {
  /** The token as each key signs it, the current one first. What a key has signed already stays as it is. */
  signedByEach(token: string): readonly string[];
}

/** The status by which LiveKit says that it does not know a token's key (livekit/livekit, pkg/service/auth.go). */
const UNAUTHORIZED = 401;

/**
 * Asks this region's LiveKit with the first token, and with the next one where it does not know the key. LiveKit has one
 * key: with several it renews people's tokens with any of them, also with one that another region does not know any more
 * (livekit/livekit, pkg/service/roommanager.go, getFirstKeyPair). While keys are rotated it may be the gateway's other one.
 * A request that LiveKit does not let in changes nothing.
 */
export async function askWithEach<Answer>(
  tokens: readonly string[],
  ask: (token: string) => Promise<Answer>,
  statusOf: (answer: Answer) => number | undefined,
): Promise<Answer> {
  const [first = "", ...others] = tokens;
  let answer = await ask(first);
  for (const token of others) {
    if (statusOf(answer) !== UNAUTHORIZED) {
      break;
    }
    answer = await ask(token);
  }
  return answer;
}
