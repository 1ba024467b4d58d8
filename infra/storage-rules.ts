import { fleetSchema } from "./fleet-schema.ts";
import type { Outline } from "./stack-file.ts";
import { storeOf } from "./storage.ts";
import type { Store } from "./storage-schema.ts";

type Report = (outline: Outline, key: string, sentence: string) => void;

/** What is wrong between the choice of storage and the regions of the fleet. */
export function checkStorage(primary: Outline, outlines: readonly Outline[], report: Report): void {
  const recordings = fleetSchema.shape["meet:recordings"].safeParse(
    primary.config.get("meet:recordings"),
  ).data;
  if (recordings === undefined) {
    return;
  }
  const { storage } = recordings;
  if (storage.kind !== "s3-compatible") {
    if (primary.config.has("meet:storageKeys")) {
      report(
        primary,
        "meet:storageKeys",
        `set, but meet:recordings.storage.kind is ${storage.kind}, which has no keys. Remove it.`,
      );
    }
    if (storage.kind === "single") {
      checkSingle(primary, outlines, report);
    }
    return;
  }
  const stacks = outlines.map(({ stack }) => stack);
  for (const name of Object.keys(storage.regions).filter((each) => !stacks.includes(each))) {
    report(
      primary,
      `meet:recordings.storage.regions.${name}`,
      `there is no stack ${name}. Choose one of ${stacks.join(", ")}.`,
    );
  }
  const without = stacks.filter((stack) => storeOf(storage, stack) === undefined);
  if (without.length > 0) {
    report(
      primary,
      "meet:recordings.storage.default",
      `missing, and ${without.join(", ")} ${without.length === 1 ? "has" : "have"} no store under regions. Set a default, or a store for each.`,
    );
  }
  checkGroups(
    primary,
    outlines.map((outline) => ({ outline, store: storeOf(storage, outline.stack) })),
    report,
  );
}

function checkSingle(primary: Outline, outlines: readonly Outline[], report: Report): void {
  for (const outline of outlines) {
    if (isOtherGroup(outline, primary)) {
      report(
        outline,
        "meet:residency",
        `${outline.residency ?? ""} is not the group ${primary.residency ?? ""} of the primary, whose bucket takes every region's recordings. Set meet:recordings.storage.kind: regional, or the same group if the law allows it.`,
      );
    }
  }
}

/** Regions of two groups must not share a bucket. */
function checkGroups(
  primary: Outline,
  users: readonly { readonly outline: Outline; readonly store: Store | undefined }[],
  report: Report,
): void {
  users.forEach(({ outline, store }, index) => {
    const other = users
      .slice(0, index)
      .find(
        (user) =>
          store !== undefined &&
          user.store?.endpoint === store.endpoint &&
          user.store.bucket === store.bucket &&
          isOtherGroup(user.outline, outline),
      );
    if (other !== undefined) {
      report(
        primary,
        `meet:recordings.storage.regions.${outline.stack}`,
        `the bucket ${store?.bucket ?? ""} of ${outline.stack} (group ${outline.residency ?? ""}) is also that of ${other.outline.stack} (group ${other.outline.residency ?? ""}). Give each group a bucket of its own.`,
      );
    }
  });
}

function isOtherGroup(one: Outline, other: Outline): boolean {
  return (
    one.residency !== undefined &&
    other.residency !== undefined &&
    one.residency !== other.residency
  );
}
