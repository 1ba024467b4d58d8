import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordStack } from "../../plan/record-stack.ts";
import { repositoryFiles, stackOf } from "../support/fleets.ts";
import { startApiServer, type ApiServer } from "../support/kube/api-server.ts";
import { applyDryRun } from "../support/kube/dry-run.ts";
import { recordedObjects } from "../support/kube/recorded-objects.ts";

let server: ApiServer;

// One server a stack: two stacks are two clusters, and the names in them may be the same.
beforeEach(async () => {
  server = await startApiServer();
});

afterEach(async () => {
  await server.stop();
});

describe("every Kubernetes object of the program", () => {
  it.each(["eu", "us"])("of stack %s is accepted by a real API server", async (stack) => {
    const objects = recordedObjects(await recordStack(stackOf(repositoryFiles(), stack)));
    expect(objects.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["Namespace", "Deployment", "Pod", "Service", "Secret"]),
    );
    expect(await applyDryRun(server.ask, objects)).toEqual([]);
  });
});
