import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join, resolve as absolute } from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import { ENDPOINTS_VARIABLE } from "../fleet/gateways.ts";
import { startCloud, type RunningCloud } from "./cloud/start.ts";
import { plannedCosts } from "./costs.ts";
import { runDrill } from "./drill/drill.ts";
import { brokenOf, type DrillResult } from "./drill/result.ts";
import type { Scenario } from "./drill/scenario.ts";
import { chooseScenarios, SCENARIOS } from "./drill/scenarios.ts";
import { drillTable } from "./drill/table.ts";
import { LocalFleet } from "./processes/local-fleet.ts";
import { Rehearsal, THIRD, type StackFacts } from "./rehearsal.ts";
import { reportPage } from "./report/page.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** What `--json` writes. */
interface Facts {
  readonly stacks: StackFacts[];
  /** Operations that the older stacks preview once a third region is there; the promise is 0 each. */
  readonly changesByThirdRegion: Record<string, number>;
  /** Things left in the stand-in cloud for the third region after its removal, but for what is kept on purpose. */
  readonly leftOfThirdRegion: number;
  readonly drill?: DrillResult;
}

interface Options {
  readonly quick?: true;
  readonly browser?: true;
  /** False with --no-drill. */
  readonly drill: boolean;
  readonly json?: string;
  readonly report?: string;
  readonly keep?: true;
  readonly third?: true;
  readonly verbose?: true;
}

const NOT_PROVEN = [
  "Nothing ran on AWS: the stand-in cloud enforces rules written down from the documentation, and does not show that AWS behaves so, that quotas suffice or that images start.",
  "There is no TLS between the parts, no load balancer of AWS's and no Kubernetes: the processes are started from the objects that were deployed, with the rewrites that are listed.",
  "Meet itself does not run: a receiver takes its webhooks, and people get their tokens from the drill.",
  "Where the kernel cannot delay packets, relays delay what TCP carries between continents; media is not delayed.",
] as const;

/** Keeps the AWS CLI of a shell from whatever account its user has: what `fleet` asks AWS itself is not known here. */
const NO_ACCOUNT = {
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_PROFILE: "",
  AWS_ACCESS_KEY_ID: "",
  AWS_SECRET_ACCESS_KEY: "",
  AWS_SESSION_TOKEN: "",
} as const;

const FIRST = ["eu", "us"] as const;
const ROLES = { eu: "primary", us: "standby", [THIRD.stack]: "media" } as const;

const began = Date.now();

function say(text: string): void {
  const seconds = String(Math.round((Date.now() - began) / 1000)).padStart(4);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

/** What of the third region still exists in the stand-in cloud. */
function leftOf(running: RunningCloud): number {
  return running.cloud.inventory().filter(({ urn }) => urn.includes(`:${THIRD.stack}::`)).length;
}

/** One rehearsal from the first `up` to the last look, and what has to be ended after it. */
class Run {
  private readonly workspace: Workspace;
  private readonly running: RunningCloud;
  private readonly rehearsal: Rehearsal;
  private starting: Promise<LocalFleet> | undefined;
  private cleaning: Promise<void> | undefined;

  constructor(workspace: Workspace, running: RunningCloud) {
    this.workspace = workspace;
    this.running = running;
    this.rehearsal = new Rehearsal(workspace, say);
  }

  /** Deploys, drills, and looks at what a third region changes, where the scenarios or their absence ask for one. */
  async rehearse(scenarios: readonly Scenario[], options: Options): Promise<Facts> {
    const { rehearsal } = this;
    const stacks: StackFacts[] = [];
    for (const stack of FIRST) {
      await rehearsal.init(stack);
    }
    await rehearsal.secret("eu", "meet:oidcClientSecret");
    await rehearsal.secret("eu", "meet:mailPassword");
    for (const stack of FIRST) {
      stacks.push(await rehearsal.deploy(stack));
    }
    const deployThird = async (): Promise<string> => {
      stacks.push(await rehearsal.addRegion());
      return THIRD.stack;
    };
    const drill = options.drill ? await this.drill(scenarios, deployThird, options) : undefined;
    const needsThird = scenarios.some((scenario) => scenario.needsThird === true);
    const withThird = !options.drill || options.third === true || needsThird;
    const third = withThird
      ? await this.third(stacks, deployThird)
      : { changesByThirdRegion: {}, leftOfThirdRegion: 0 };
    return { stacks, ...third, ...(drill === undefined ? {} : { drill }) };
  }

  /** What the third region changes in the others, and what its removal leaves. */
  private async third(
    stacks: readonly StackFacts[],
    deployThird: () => Promise<string>,
  ): Promise<Pick<Facts, "changesByThirdRegion" | "leftOfThirdRegion">> {
    if (!stacks.some(({ stack }) => stack === THIRD.stack)) {
      await deployThird();
    }
    const changesByThirdRegion: Record<string, number> = {};
    for (const stack of FIRST) {
      changesByThirdRegion[stack] = await this.rehearsal.changes(stack);
      say(`${stack}: ${changesByThirdRegion[stack]} changes because of ${THIRD.stack}`);
    }
    await (await this.starting)?.remove(THIRD.stack);
    await this.rehearsal.removeRegion();
    const leftOfThirdRegion = leftOf(this.running);
    say(`${THIRD.stack}: removed, ${leftOfThirdRegion} things left in the cloud`);
    return { changesByThirdRegion, leftOfThirdRegion };
  }

  /** Starts what was deployed, and has it lose what the scenarios say. */
  private async drill(
    scenarios: readonly Scenario[],
    deployThird: () => Promise<string>,
    options: Options,
  ): Promise<DrillResult> {
    const { cloud } = this.running;
    say("starting what was deployed as processes of this machine");
    this.starting = LocalFleet.start({
      things: () => cloud.all(),
      regions: FIRST,
      planned: [{ name: THIRD.stack, awsRegion: THIRD.awsRegion }],
    });
    const fleet = await this.starting;
    const pods = [...fleet.regions.values()].flatMap((region) => region.pods);
    say(
      `${pods.length} processes run; network: ${fleet.network}; delays: ${fleet.delays}; ${fleet.rewrites.length} things differ from what was deployed${options.verbose === true ? "" : " (--verbose lists them)"}`,
    );
    if (options.verbose === true) {
      for (const { object, what, from, to } of fleet.rewrites) {
        say(`  ${object}: ${what}: ${from} is ${to} here`);
      }
      for (const { object, image, why } of fleet.notRun) {
        say(`  ${object}: ${image} is not run: ${why}`);
      }
    }
    const costs = await plannedCosts();
    return runDrill({
      fleet,
      inventory: () => cloud.inventory(),
      scenarios,
      isQuick: options.quick === true,
      hasBrowsers: options.browser === true,
      roles: ROLES,
      costs,
      notProven: NOT_PROVEN,
      say,
      deployThird,
    });
  }

  /** How somebody goes on by hand with what was kept. */
  async howToGoOn(): Promise<string> {
    const shell = Object.entries(this.workspace.environment)
      .filter(([name]) => /^(PULUMI|NODE_OPTIONS|PATH)/.test(name))
      .map(([name, value]) => `export ${name}='${value}'`);
    const fleet = await this.starting;
    const endpoints =
      fleet === undefined
        ? []
        : [`export ${ENDPOINTS_VARIABLE}='${JSON.stringify(fleet.access().endpoints)}'`];
    const root = dirname(import.meta.dirname);
    const command = (words: string): string =>
      `cd '${root}' && npx fleet ${words} --project '${this.workspace.program}'`;
    return [
      "Everything is kept and goes on. In another shell, which then knows of no account:",
      ...shell,
      ...Object.entries(NO_ACCOUNT).map(([name, value]) => `export ${name}='${value}'`),
      ...endpoints,
      `cd '${this.workspace.program}' && pulumi preview -s us`,
      ...(fleet === undefined ? [] : [command("status")]),
      command("promote us --dry-run"),
      "Without --dry-run and with --confirm us it promotes us here. fleet return and fleet restore ask AWS for snapshots and backups, of which there are none.",
      "Ctrl-C here ends all of it and removes the copy.",
    ].join("\n");
  }

  /** Ends everything; called again, it waits for the same end. */
  clean(): Promise<void> {
    this.cleaning ??= (async () => {
      const fleet = await this.starting?.catch(() => undefined);
      await fleet?.close();
      await this.running.close();
      await this.workspace.remove();
    })();
    return this.cleaning;
  }
}

/** The promises that the rehearsal found broken, a sentence each. */
function brokenPromises(facts: Facts): string[] {
  return [
    ...facts.stacks
      .filter(({ secondUpChanges }) => secondUpChanges !== 0)
      .map(
        ({ stack, secondUpChanges }) =>
          `Stack "${stack}": a second up had ${secondUpChanges} changes, not 0.`,
      ),
    ...Object.entries(facts.changesByThirdRegion)
      .filter(([, changes]) => changes !== 0)
      .map(([stack, changes]) => `Stack "${stack}": the third region changes ${changes}, not 0.`),
    ...(facts.leftOfThirdRegion === 0
      ? []
      : [`Stack "${THIRD.stack}": its removal left ${facts.leftOfThirdRegion} things, not 0.`]),
  ];
}

function stackTable(facts: Facts): string {
  const rows = new Table({
    style: { head: [], border: [] },
    head: ["stack", "resources", "seconds", "changes of a second up"],
  });
  for (const { stack, resources, seconds, secondUpChanges } of facts.stacks) {
    rows.push([stack, resources, seconds.toFixed(0), secondUpChanges]);
  }
  return rows.toString();
}

/** Prints what was found, writes the files that were asked for, and gives whether every promise held. */
async function tell(facts: Facts, options: Options): Promise<boolean> {
  const broken = brokenPromises(facts);
  process.stdout.write(`\n${stackTable(facts)}\n`);
  process.stdout.write(broken.length === 0 ? "All promises of the deployments held.\n" : "");
  process.stdout.write(broken.map((sentence) => `${sentence}\n`).join(""));
  if (facts.drill !== undefined) {
    process.stdout.write(`\n${drillTable(facts.drill)}\n`);
    const file = absolute(options.report ?? join(".rehearsal", "report.html"));
    mkdirSync(dirname(file), { recursive: true });
    await writeFile(file, reportPage(facts.drill));
    process.stdout.write(`Report: ${file}\n`);
  }
  process.stdout.write(`\nWhat this does not prove:\n`);
  process.stdout.write(NOT_PROVEN.map((sentence) => `- ${sentence}\n`).join(""));
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(facts, null, 2)}\n`);
  }
  return broken.length === 0 && (facts.drill === undefined || brokenOf(facts.drill).length === 0);
}

/** Waits for Ctrl-C or a polite end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => undefined, 60_000);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        clearInterval(idle);
        resolve();
      });
    }
  });
}

async function main(names: readonly string[], options: Options): Promise<number> {
  const scenarios = chooseScenarios(names, {
    isQuick: options.quick === true,
    canDeploy: true,
    hasBrowsers: options.browser === true,
  });
  const stop = interrupted();
  const running = await startCloud({ patienceMilliseconds: 10_000 });
  const { debugProviders } = running;
  const workspace = await createWorkspace({ debugProviders, checkpoints: "at-end" });
  const run = new Run(workspace, running);
  const kept = new AbortController();
  void stop.then(async () => {
    await run.clean();
    process.exit(kept.signal.aborted ? 0 : 130);
  });
  process.once("uncaughtException", (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    void run.clean().finally(() => process.exit(1));
  });
  say(`real engine: ${workspace.engine.path}`);
  try {
    const isKept = await tell(await run.rehearse(scenarios, options), options);
    if (options.keep === true) {
      kept.abort();
      process.stdout.write(`\n${await run.howToGoOn()}\n`);
      await stop;
    }
    return isKept ? 0 : 1;
  } finally {
    await run.clean();
  }
}

const command = new Command("script/rehearse")
  .description(
    "Deploys eu and us with the real Pulumi engine on a stand-in cloud, starts what was deployed as processes of this\n" +
      "machine, and has it lose servers, stores and regions while people meet. Works on a copy; needs no account.\n" +
      "Exit status 1 when a promise or a guarantee is broken.",
  )
  .argument("[scenarios...]", `of: ${SCENARIOS.map(({ name }) => name).join(", ")}. All by default`)
  .option("--quick", "only the loss of LiveKit and an evacuation")
  .option("--browser", "people in real browsers as well; adds region-silent, which only they bear")
  .option("--no-drill", "only the deployments, a third region, and its removal")
  .option(
    "--third",
    "with --quick or some scenarios: add a third region and remove it all the same",
  )
  .option("--json <file>", "write what was measured there as JSON")
  .option("--report <file>", "write the drill's report there (default: .rehearsal/report.html)")
  .option(
    "--keep",
    "leave everything running until Ctrl-C, and say how to use pulumi and fleet on it",
  )
  .option("--verbose", "list everything that runs otherwise than it was deployed");
command.parse();
try {
  process.exitCode = await main(command.args, command.opts());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
