/** How a command ended, as the shell sees it. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  notFinished: 3,
  notWell: 4,
  notConfirmed: 5,
} as const;

/** One of EXIT. */
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** What `fleet --help` says of exit statuses. */
export const EXIT_HELP = `Exit statuses:
  0  done; with status: all is well
  1  it failed: the text says what is done and what is not
  2  the command line or the stack files are wrong; nothing was done
  3  not finished: interrupted, or time has to pass; call the same command again and it goes on
  4  status, report: something is not well; preview --exit-code: there are changes
  5  not confirmed; nothing dangerous was done`;

/** An end of a command that is no fault of this program: a sentence for the operator, and the exit status. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly exit: ExitStatus;

  constructor(sentence: string, exit: ExitStatus = EXIT.failed) {
    super(sentence);
    this.exit = exit;
  }
}

/** The sentence of whatever was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
