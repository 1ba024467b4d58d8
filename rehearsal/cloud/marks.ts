import { isMap, isSecret, secret, type Value, type ValueMap } from "./values.ts";

/** Puts the secret marks back: where the inputs have them, and on outputs that are always secret. */
export function marked(
  outputs: ValueMap,
  inputs: ValueMap,
  secretOutputs: readonly string[],
): ValueMap {
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [
      key,
      secretOutputs.includes(key) ? secret(value) : remark(value, inputs[key]),
    ]),
  );
}

function remark(value: Value, input: Value | undefined): Value {
  if (!isMap(input)) {
    if (Array.isArray(input) && Array.isArray(value)) {
      return value.map((item, index) => remark(item, input[index]));
    }
    return value;
  }
  if (isSecret(input)) {
    return secret(value);
  }
  return isMap(value)
    ? Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, remark(inner, input[key])]),
      )
    : value;
}
