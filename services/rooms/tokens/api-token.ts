import * as z from "zod";
import { verifyLiveKitToken, type ApiSecrets } from "./jwt.ts";

const apiSchema = z.object({
  video: z.object({ roomCreate: z.boolean().optional() }).optional(),
});

/** A token of the server API that is in order, or what is wrong with it, which names nothing of what is in it. */
export type ApiToken =
  | { readonly ok: true; readonly mayCreateRooms: boolean }
  | { readonly ok: false; readonly fault: string };

/** Verifies a token of LiveKit's server API. Which call it is good for is judged by LiveKit. */
export function verifyApiToken(text: string, secrets: ApiSecrets, nowSeconds: number): ApiToken {
  const verified = verifyLiveKitToken(text, secrets, nowSeconds, apiSchema);
  return verified.ok
    ? { ok: true, mayCreateRooms: verified.claims.video?.roomCreate === true }
    : verified;
}
