import {
  KeyRing,
  type KeyFiles,
  type ReloadedFile,
} from "../../../services/rooms/tokens/key-ring.ts";
import type { ApiKey } from "../livekit/local-config.ts";

/** Keys in files that never change, the current one first. */
export function stillKeys(current: ApiKey, previous?: ApiKey): KeyRing {
  return new KeyRing(filesOf(current), previous === undefined ? undefined : filesOf(previous));
}

function filesOf({ apiKey, apiSecret }: ApiKey): KeyFiles {
  return { apiKey: still(apiKey), secret: still(apiSecret) };
}

function still(text: string): ReloadedFile {
  return { current: () => text, onChange: () => undefined, reload: () => undefined };
}
