import { elements, texts } from "./xml.ts";

/** What all recordings begin with. */
const RECORDINGS = "recordings/";

/** Conditions of a rule beside the prefix: it does not cover every recording then. */
const NARROWER = ["Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"] as const;

/**
 * Days after which a bucket's rules remove every recording (Amazon S3 API, LifecycleConfiguration); undefined where none
 * does. Of several rules the shortest counts (Amazon S3 User Guide, lifecycle-conflicts).
 */
export function expiryDays(configuration: string): number | undefined {
  const days = elements(configuration, "Rule").filter(coversRecordings).flatMap(daysOf);
  return days.length === 0 ? undefined : Math.min(...days);
}

function coversRecordings(rule: string): boolean {
  const [status] = texts(rule, "Status");
  // In the rule itself or in its filter; without one a rule covers everything.
  const [prefix = ""] = texts(rule, "Prefix");
  return (
    status === "Enabled" &&
    RECORDINGS.startsWith(prefix) &&
    NARROWER.every((condition) => elements(rule, condition).length === 0)
  );
}

function daysOf(rule: string): number[] {
  return elements(rule, "Expiration")
    .flatMap((expiration) => texts(expiration, "Days"))
    .map(Number);
}
