import { defineConfig } from "vitest/config";

/**
 * Unit, component, config and stack tests. What needs built tools (the Pulumi engine, kube-apiserver) is in
 * test/e2e and has a configuration of its own, so that this one runs on Node alone.
 */
const common = { testTimeout: 60_000, hookTimeout: 60_000 };

/** Two cores: more workers only add start-up cost of the provider SDKs. */
const WORKERS = 2;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...{ name: "components", include: ["test/components/**/*.test.ts"], ...common },
          // They share what a worker has loaded: half of their time was loading the provider SDKs for each file.
          ...{ isolate: false, maxWorkers: WORKERS, sequence: { groupOrder: 0 } },
        },
      },
      {
        test: {
          ...{ name: "unit", include: ["test/**/*.test.ts"], ...common },
          exclude: ["test/e2e/**", "test/real/**", "test/components/**"],
          ...{ maxWorkers: WORKERS, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
