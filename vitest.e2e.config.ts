import { defineConfig } from "vitest/config";

/** Files whose people in real meetings bear no other load on two cores. */
const ALONE = [
  "test/e2e/fleet.test.ts",
  "test/e2e/rehearse.test.ts",
  "test/e2e/rooms-joins.test.ts",
];

/** Beside themselves they wait for programs that they start. */
const patience = { testTimeout: 10 * 60_000, hookTimeout: 5 * 60_000 };

/**
 * Tests that need built tools: the real Pulumi engine on the stand-in cloud, a real kube-apiserver, real LiveKits,
 * actionlint; script/setup builds what they need. Files with real meetings run one at a time, the others two at a time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...{ name: "meetings", include: ALONE, ...patience },
          ...{ maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 0 } },
        },
      },
      {
        test: {
          ...{ name: "engine", include: ["test/e2e/**/*.test.ts"], exclude: ALONE, ...patience },
          ...{ maxWorkers: 2, sequence: { groupOrder: 1 } },
        },
      },
    ],
  },
});
