import type { ValkeyLog } from "../../../services/rooms/store/valkey.ts";

/** A log that keeps its lines. */
export function storeLog(): ValkeyLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (message: string): void => {
    lines.push(message);
  };
  return { lines, info: add, error: add };
}
