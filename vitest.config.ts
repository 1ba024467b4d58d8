import { defineConfig } from "vitest/config";

/**
 * Unit, component, config and stack tests. What needs built tools (the Pulumi engine, kube-apiserver) is in
 * test/e2e and has a configuration of its own, so that this one runs on Node alone.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/real/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more workers only add start-up cost of the provider SDKs.
    maxWorkers: 2,
  },
});
