import { defineConfig } from "vitest/config";

/**
 * Unit, component, config and stack tests. What needs built tools (the Pulumi engine, kube-apiserver) is in
 * test/e2e and has a configuration of its own, so that this one runs on Node alone.
 */
const common = { testTimeout: 60_000, hookTimeout: 60_000 };

/** Two cores: more workers only add start-up cost of the provider SDKs. */
const WORKERS = 2;

/** What loads the provider SDKs; half of the time of these tests was loading them for each file. */
const WITH_SDKS = ["components", "infra", "plan", "stacks"].map((it) => `test/${it}/**/*.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...{ name: "with provider SDKs", include: WITH_SDKS, ...common },
          // They share what a worker has loaded.
          ...{ isolate: false, maxWorkers: WORKERS, sequence: { groupOrder: 0 } },
        },
      },
      {
        test: {
          ...{ name: "unit", include: ["test/**/*.test.ts"], ...common },
          exclude: ["test/e2e/**", "test/real/**", ...WITH_SDKS],
          ...{ maxWorkers: WORKERS, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
