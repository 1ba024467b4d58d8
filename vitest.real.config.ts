import { defineConfig } from "vitest/config";

/**
 * Real LiveKits, Redises, gateways and clients through losses and partitions. One file at a time: each starts servers
 * and people enough for two cores, and its times would say nothing beside another's.
 */
export default defineConfig({
  test: {
    include: ["test/real/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 10 * 60_000,
    hookTimeout: 5 * 60_000,
  },
});
