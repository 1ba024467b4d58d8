/** Aborted by the operator: `operator` for this program, `engine` where the engine has to be told as well. */
export interface Interrupts {
  readonly operator: AbortSignal;
  readonly engine: AbortSignal;
}
