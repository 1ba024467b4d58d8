/**
 * Whether what holds data may be deleted. Off needs a reason, which is written to the resource's tags, so that an
 * unprotected database explains itself. Switching it off and running `up` is the first step of removing a region.
 */
export type Protection =
  { readonly enabled: true } | { readonly enabled: false; readonly reason: string };

/** The default: Pulumi's `protect`, the cloud's own flag and a final snapshot are all on. */
export const PROTECTED: Protection = { enabled: true };

/** The tag that explains an unprotected resource; empty when it is protected. AWS allows 256 characters. */
export function protectionTags(protection: Protection): Record<string, string> {
  return protection.enabled ? {} : { "meet:unprotected-because": protection.reason.slice(0, 256) };
}
