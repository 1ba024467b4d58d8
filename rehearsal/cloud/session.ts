import type { ProviderName, Session } from "./model.ts";
import { isMap, map, plainMap, text, type Value, type ValueMap } from "./values.ts";
import { parse } from "yaml";

/** What a provider instance was configured with; throws where the real provider would refuse. */
export function sessionFrom(provider: ProviderName, args: ValueMap): Session {
  const config = Object.fromEntries(
    Object.entries(plainMap(args)).map(([key, value]) => [key, decoded(value)]),
  );
  const region = text(config, "region") ?? "";
  if (provider === "aws" && region === "") {
    throw new Error(
      "Stand-in aws: the provider has no region. Set aws:region in the stack file or region on the provider.",
    );
  }
  return {
    provider,
    region,
    defaultTags: map(config, "defaultTags.tags"),
    server:
      provider === "kubernetes" ? serverOf(config["kubeconfig"], text(config, "context")) : "",
    namespace: text(config, "namespace") ?? "default",
  };
}

/** Nested provider configuration travels as JSON text. */
function decoded(value: Value): Value {
  if (typeof value !== "string" || !/^[[{]/.test(value)) {
    return value;
  }
  try {
    const parsed: unknown = JSON.parse(value);
    return isMap(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

/** The API server of the current context of a kubeconfig. */
function serverOf(kubeconfig: Value | undefined, context: string | undefined): string {
  const parsed: unknown = typeof kubeconfig === "string" ? parse(kubeconfig) : kubeconfig;
  if (!isMap(parsed)) {
    return "";
  }
  const wanted = context ?? text(parsed, "current-context");
  const cluster = text(named(parsed["contexts"], wanted), "context.cluster");
  return text(named(parsed["clusters"], cluster), "cluster.server") ?? "";
}

function named(entries: Value | undefined, name: string | undefined): ValueMap | undefined {
  return Array.isArray(entries)
    ? entries.filter(isMap).find((entry) => entry["name"] === name)
    : undefined;
}
