import { defineConfig } from "vitest/config";

/** Files with people in real meetings, or with limits of a second, which bear no other load on two cores. */
const ALONE = [
  "test/e2e/fleet-running.test.ts",
  "test/e2e/rehearse.test.ts",
  "test/e2e/rooms-fence.test.ts",
  "test/e2e/rooms-joins.test.ts",
  "test/e2e/rooms-store.test.ts",
  "test/e2e/rooms-webhooks.test.ts",
];

/** Beside themselves they wait for programs that they start. */
const patience = { testTimeout: 10 * 60_000, hookTimeout: 5 * 60_000 };

/**
 * Tests that need built tools: the real Pulumi engine on the stand-in cloud, a real kube-apiserver, real LiveKits,
 * actionlint; script/setup builds what they need. Those that need the machine to themselves run one after another, the
 * others two at a time, and never both kinds together.
 */
export default defineConfig({
  test: {
    globalSetup: "test/support/engine/deployed-fleet.ts",
    projects: [
      {
        test: {
          ...{ name: "alone", include: ALONE, ...patience },
          ...{ maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 0 } },
        },
      },
      {
        test: {
          ...{
            name: "two at a time",
            include: ["test/e2e/**/*.test.ts"],
            exclude: ALONE,
            ...patience,
          },
          ...{ maxWorkers: 2, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
