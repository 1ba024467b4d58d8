import { createInterface } from "node:readline/promises";
import { EXIT, FleetError } from "./exit.ts";

/** Asks the operator before something that cannot be taken back, or that people would notice. */
export interface Confirm {
  /**
   * Returns once it is confirmed.
   * @param what the consequence, a sentence
   * @param word what has to be typed; "yes" unless given
   * @throws FleetError when it is not confirmed, or when nobody can be asked
   */
  ask(what: string, word?: string): Promise<void>;
}

/** How a question is put, and the line that comes back; undefined where nobody can be asked. */
export type Question = (text: string) => Promise<string | undefined>;

/**
 * Confirmation by question. `--yes` answers plain questions; a question that wants a word of its own, such as the name
 * of what is destroyed, is answered only by that word: typed, or given with an option.
 */
export function createConfirm(
  question: Question,
  given: { readonly yes: boolean; readonly words?: readonly string[] },
): Confirm {
  return {
    ask: async (what, word = "yes") => {
      const isGiven = word === "yes" ? given.yes : given.words?.includes(word) === true;
      if (isGiven) {
        return;
      }
      const answer = await question(`${what}\nType ${word} to go on: `);
      if (answer === undefined) {
        const option = word === "yes" ? "--yes" : `--confirm ${word}`;
        throw new FleetError(
          `Confirmation: nobody can be asked, there is no terminal. ${what} Add ${option} if that is meant.`,
          EXIT.notConfirmed,
        );
      }
      if (answer.trim() !== word) {
        throw new FleetError(
          `Confirmation: "${answer.trim()}" is not ${word}. Nothing more was done.`,
          EXIT.notConfirmed,
        );
      }
    },
  };
}

/** Asks at the terminal, if there is one. */
export const askAtTerminal: Question = async (text) => {
  if (!process.stdin.isTTY) {
    return undefined;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(text);
  } finally {
    terminal.close();
  }
};
