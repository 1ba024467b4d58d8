/** One layer of the test command: what is run and how long it may take on two cores. */
export interface Layer {
  readonly name: string;
  /** On two cores, with nothing downloaded and nothing built. All of them together stay under 45. */
  readonly budgetMinutes: number;
  /** Arguments of node. */
  readonly command: readonly string[];
  /** True if the command is vitest, whose JSON report is counted; otherwise the exit status counts as one check. */
  readonly isVitest?: true;
  /** Runs, of the tests that the command names, those alone whose names have this in them. @default all */
  readonly only?: string;
}

const vitest = (config: string): readonly string[] => [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  config,
];

/** The layers in their order; cheap ones first, so that a plain mistake shows at once. */
export const LAYERS: readonly Layer[] = [
  {
    name: "format",
    budgetMinutes: 1,
    command: ["node_modules/prettier/bin/prettier.cjs", "--check", "."],
  },
  {
    name: "lint",
    budgetMinutes: 2,
    command: ["node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."],
  },
  { name: "types", budgetMinutes: 1, command: ["node_modules/typescript/bin/tsc", "--noEmit"] },
  { name: "system", budgetMinutes: 1, command: ["--import", "tsx", "tools/system.ts"] },
  { name: "unit", budgetMinutes: 6, command: vitest("vitest.config.ts"), isVitest: true },
  { name: "tools", budgetMinutes: 9, command: ["--import", "tsx", "tools/build.ts"] },
  { name: "e2e", budgetMinutes: 16, command: vitest("vitest.e2e.config.ts"), isVitest: true },
  { name: "real", budgetMinutes: 7, command: vitest("vitest.real.config.ts"), isVitest: true },
];

/** The layers of some unit tests and some e2e tests, with what these need. */
function part(unit: string, endToEnd: string, whole: readonly string[]): readonly Layer[] {
  return LAYERS.flatMap((layer) => {
    if (layer.name === "unit" || layer.name === "e2e") {
      const paths = layer.name === "unit" ? unit : endToEnd;
      return [{ ...layer, command: [...layer.command, paths] }];
    }
    return whole.includes(layer.name) ? [layer] : [];
  });
}

/** What of them concerns the room gateway, and the tests on real servers, for `npm run test:rooms`. */
export const ROOMS_LAYERS: readonly Layer[] = part("test/services/rooms", "test/e2e/rooms-", [
  "system",
  "tools",
  "real",
]);

/** What of them concerns recordings, for `npm run test:recordings`: of the tests on real servers one part. */
export const RECORDINGS_LAYERS: readonly Layer[] = part(
  "test/services/recordings",
  "test/e2e/recordings-",
  ["system", "tools", "real"],
).map((layer) => {
  switch (layer.name) {
    case "tools":
      return { ...layer, command: [...layer.command, "livekit-server"] };
    case "real":
      return {
        ...layer,
        command: [...layer.command, "rooms-clients"],
        only: "a recording that Meet starts",
      };
    default:
      return layer;
  }
});

/** What has to stay under 45 minutes: npm packages and every layer. */
export const SETUP_BUDGET_MINUTES = 1;

/**
 * The layers that the words name, in their order, all for no word; unit and e2e bring what they need.
 * @throws for a word that is no layer
 */
export function chooseLayers(words: readonly string[]): readonly Layer[] {
  const names = LAYERS.map((layer) => layer.name);
  const unknown = words.filter((word) => !names.includes(word));
  if (unknown.length > 0) {
    throw new Error(
      `Layer "${unknown.join(", ")}": there is none of that name. Choose from ${names.join(", ")}.`,
    );
  }
  const wanted = new Set(words.length === 0 ? names : words);
  if (wanted.has("e2e") || wanted.has("real")) {
    wanted.add("tools");
  }
  // Unit tests of the room gateway's store talk to a real Redis.
  if (wanted.has("tools") || wanted.has("unit")) {
    wanted.add("system");
  }
  return LAYERS.filter((layer) => wanted.has(layer.name));
}
