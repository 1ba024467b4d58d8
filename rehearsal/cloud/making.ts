import { randomBytes, randomInt } from "node:crypto";

import type { Cloud } from "./cloud.ts";
import type { Making, ResourceType, Session, Thing } from "./model.ts";
import { nameOf } from "./naming.ts";
import { map, spreadUnknown, text, UNKNOWN, type ValueMap } from "./values.ts";

/** What a making starts from. */
export interface Order {
  readonly cloud: Cloud;
  readonly type: ResourceType;
  readonly urn: string;
  /** Without secret marks. */
  readonly inputs: ValueMap;
  readonly session: Session;
  readonly scope: string;
  readonly preview: boolean;
  /** The thing as it is, at an update. */
  readonly old?: Thing;
}

/** Everything that computed outputs are made from. */
export function makingOf(order: Order): Making {
  const { cloud, type, urn, inputs, session, scope, preview, old } = order;
  const region = text(inputs, "region") ?? session.region;
  const partial: Making = {
    cloud,
    session,
    type,
    urn,
    name: nameOf(urn),
    inputs,
    id: "",
    scope,
    region,
    accountId: cloud.accountId,
    preview,
    old: old?.state,
    hex: (length) =>
      preview
        ? UNKNOWN
        : randomBytes(Math.ceil(length / 2))
            .toString("hex")
            .slice(0, length),
    digits: (length) =>
      preview ? UNKNOWN : Array.from({ length }, () => String(randomInt(10))).join(""),
    arn: (service, rest) => `arn:aws:${service}:${region}:${cloud.accountId}:${rest}`,
  };
  return { ...partial, id: old?.id ?? (preview ? UNKNOWN : type.id(partial)) };
}

/** Inputs and computed values; in a preview what is computed is unknown, or stays as it was. */
export function outputsOf(making: Making): ValueMap {
  const { type, inputs, old, preview } = making;
  const outputs: ValueMap = Object.fromEntries(
    Object.entries(inputs).filter(([key]) => key !== "__defaults"),
  );
  for (const [key, compute] of Object.entries(type.computed)) {
    if (outputs[key] !== undefined && outputs[key] !== null) {
      continue;
    }
    const kept = type.recomputed?.includes(key) === true ? undefined : old?.[key];
    outputs[key] = kept ?? (preview ? UNKNOWN : compute(making));
  }
  for (const [key, derive] of Object.entries(type.derived ?? {})) {
    outputs[key] = preview ? spreadUnknown(derive(making)) : derive(making);
  }
  if (type.provider === "aws" && type.isGlobal !== true) {
    outputs["region"] = making.region;
  }
  if (type.hasTags === true) {
    outputs["tagsAll"] = { ...making.session.defaultTags, ...map(inputs, "tags") };
  }
  return outputs;
}
