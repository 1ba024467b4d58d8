import { describe, expect, it } from "vitest";
import type { Recorded } from "../../../plan/recorded.ts";
import { recordedObjects } from "./recorded-objects.ts";

function recorded(type: string, inputs: Record<string, unknown>): Recorded {
  return {
    type,
    name: "logical",
    urn: `urn:pulumi:test::meet::${type}::logical`,
    custom: true,
    inputs,
    protect: false,
    retainOnDelete: false,
    deleteBeforeReplace: false,
    dependsOn: [],
    ignoreChanges: [],
    replaceOnChanges: [],
    aliases: [],
  };
}

describe("the objects of a recording", () => {
  it("have the version and kind of their type, and secrets as they are", () => {
    const secret = { metadata: { name: "keys" }, stringData: { key: { "[secret]": "word" } } };
    expect(recordedObjects([recorded("kubernetes:core/v1:Secret", secret)])).toEqual([
      { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, stringData: { key: "word" } },
    ]);
  });

  it("are called as the resource if they have no name", () => {
    const [object] = recordedObjects([recorded("kubernetes:apps/v1:Deployment", {})]);
    expect(object).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "logical" },
    });
  });

  it("include a pod of each workload, in the workload's namespace", () => {
    const template = { metadata: { labels: { app: "x" } }, spec: { hostNetwork: true } };
    const metadata = { name: "x", namespace: "media" };
    const daily = { metadata, spec: { jobTemplate: { spec: { template } } } };
    const [, pod] = recordedObjects([recorded("kubernetes:batch/v1:CronJob", daily)]);
    expect(pod).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "x-pod", namespace: "media", labels: { app: "x" } },
      spec: { hostNetwork: true },
    });
  });

  it("leave out providers, patches and what is not of Kubernetes", () => {
    const types = [
      "aws:s3/bucket:Bucket",
      "pulumi:providers:kubernetes",
      "kubernetes:core/v1:NamespacePatch",
    ];
    expect(recordedObjects(types.map((type) => recorded(type, {})))).toEqual([]);
  });
});
