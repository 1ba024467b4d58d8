import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApiServer, type ApiServer } from "../support/kube/api-server.ts";
import { applyDryRun, kubernetesObject, type Refused } from "../support/kube/dry-run.ts";

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
  const refused = await judge(
    namespace("restricted-ns", "restricted"),
    namespace("open-ns", "privileged"),
  );
  expect(refused).toEqual([]);
});

afterAll(async () => {
  await server.stop();
});

function judge(...objects: readonly unknown[]): Promise<readonly Refused[]> {
  return applyDryRun(server.ask, objects.map(kubernetesObject));
}

function namespace(name: string, level: string): object {
  const labels = { "pod-security.kubernetes.io/enforce": level };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function deployment(container: object = {}, pod: object = {}, space = "open-ns"): object {
  const labels = { app: "web" };
  const containers = [{ name: "web", image: "docker.io/library/node:20", ...container }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: space },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, ...pod } },
    },
  };
}

/** A pod by itself: pod security only warns about a Deployment's template. */
function pod(container: object): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "restricted-ns" },
    spec: { containers: [{ name: "web", image: "docker.io/library/node:20", ...container }] },
  };
}

describe("the dry run on a real kube-apiserver", () => {
  it("accepts a Deployment that is right, and stores nothing", async () => {
    expect(await judge(deployment())).toEqual([]);
    const kept = await server.ask("GET", "/apis/apps/v1/namespaces/open-ns/deployments/web");
    expect(kept.status).toBe(404);
  });

  it.each([
    ["a field it does not know", deployment({ imagePullPolcy: "Always" }), "imagePullPolcy"],
    [
      "a field of the wrong type",
      deployment({ ports: [{ containerPort: "http" }] }),
      "containerPort",
    ],
    [
      "a value out of range",
      deployment({ ports: [{ containerPort: 70_000 }] }),
      "must be between 1 and 65535",
    ],
    [
      "a volume that is not there",
      deployment({ volumeMounts: [{ name: "x", mountPath: "/x" }] }),
      "Not found",
    ],
    [
      "a namespace that is not there",
      deployment({}, {}, "nowhere"),
      'namespaces "nowhere" not found',
    ],
    ["a kind that is not served", { ...deployment(), kind: "Deploymnt" }, "knows no Deploymnt"],
    ["a group that is not served", { ...deployment(), apiVersion: "app/v1" }, "in app/v1"],
    [
      "a pod against the namespace's pod security",
      pod({ securityContext: { privileged: true } }),
      "violates PodSecurity",
    ],
  ])("refuses %s", async (_, object, reason) => {
    const [only, ...more] = await judge(object);
    expect(more).toEqual([]);
    expect(only?.reason).toContain(reason);
  });

  it("goes on after a refusal and names each refused object", async () => {
    const refused = await judge(deployment({ bad: 1 }), deployment(), deployment({ worse: 1 }));
    expect(refused.map(({ object }) => object)).toEqual([
      "apps/v1 Deployment open-ns/web",
      "apps/v1 Deployment open-ns/web",
    ]);
  });
});
