import { defineConfig } from "vitest/config";

/**
 * Tests that need built tools: the real Pulumi engine on the stand-in cloud, a real kube-apiserver, actionlint. One
 * file at a time, because each starts processes that fill two cores; script/setup builds what they need.
 */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 10 * 60_000,
    hookTimeout: 5 * 60_000,
  },
});
