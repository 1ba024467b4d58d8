import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";

import type { Making, ResourceType } from "../model.ts";
import { at, number, text, type Value } from "../values.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
/** The provider's own set (pulumi/pulumi-random, RandomPassword.overrideSpecial). */
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

function random(
  name: string,
  computed: Readonly<Record<string, (making: Making) => Value>>,
  secretOutputs: readonly string[],
  id: (making: Making) => string,
): ResourceType {
  const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  return {
    provider: "random",
    token: `random:index/${file}:${name}`,
    title: name,
    api: ["Random", name],
    isGlobal: true,
    isOnlyInState: true,
    replaceOn: ["*"],
    id,
    computed,
    secretOutputs,
  };
}

/** Characters of every wanted class, the least number of each first, then shuffled. */
function characters(c: Making): string {
  const wants = (key: string) => at(c.inputs, key) !== false;
  const classes = [
    { key: "lower", minimum: "minLower", from: LOWER },
    { key: "upper", minimum: "minUpper", from: LOWER.toUpperCase() },
    { key: "numeric", minimum: "minNumeric", from: DIGITS },
    { key: "special", minimum: "minSpecial", from: text(c.inputs, "overrideSpecial") ?? SPECIAL },
  ].filter(({ key }) => wants(key));
  const pick = (from: string, count: number) =>
    Array.from({ length: count }, () => from.charAt(randomInt(from.length)));
  const least = classes.flatMap(({ minimum, from }) => pick(from, number(c.inputs, minimum) ?? 0));
  const all = classes.map(({ from }) => from).join("");
  const length = number(c.inputs, "length") ?? 0;
  const drawn = [...least, ...pick(all, Math.max(0, length - least.length))];
  return drawn
    .map((character) => ({ character, order: randomInt(2 ** 32) }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ character }) => character)
    .join("");
}

const bytesOfId = (c: Making) => Buffer.from(c.id, "base64url");

/** Every random type that the stand-in knows. */
export const randomTypes: readonly ResourceType[] = [
  random(
    "RandomPassword",
    {
      result: characters,
      bcryptHash: (c) => `$2a$10$${createHash("sha256").update(c.urn).digest("hex").slice(0, 53)}`,
    },
    ["result", "bcryptHash"],
    () => "none",
  ),
  random("RandomString", { result: characters }, [], (c) => c.hex(16)),
  random(
    "RandomId",
    {
      hex: (c) => bytesOfId(c).toString("hex"),
      b64Url: (c) => c.id,
      b64Std: (c) => bytesOfId(c).toString("base64"),
      dec: (c) => BigInt(`0x0${bytesOfId(c).toString("hex")}`).toString(),
    },
    [],
    (c) => randomBytes(number(c.inputs, "byteLength") ?? 1).toString("base64url"),
  ),
  random(
    "RandomBytes",
    {
      base64: (c) => c.id,
      hex: (c) => Buffer.from(c.id, "base64").toString("hex"),
    },
    ["base64", "hex"],
    (c) => randomBytes(number(c.inputs, "length") ?? 1).toString("base64"),
  ),
  random("RandomUuid", { result: (c) => c.id }, [], () => randomUUID()),
];
