import { defineConfig } from "vitest/config";

/**
 * Real LiveKits, Redises, gateways and clients through losses and partitions: `npm run test:rooms`. Not part of
 * script/test yet: of some 60 of them one or two fail now and then, and it is not known of each whether the gateway, the
 * clients or a busy machine is at fault. They are to be made steady and then to move to test/e2e.
 */
export default defineConfig({
  test: {
    include: ["test/real/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 10 * 60_000,
    hookTimeout: 5 * 60_000,
  },
});
