import { writeFile } from "node:fs/promises";
import Table from "cli-table3";
import { Command } from "commander";
import { startCloud, type RunningCloud } from "./cloud/start.ts";
import { Rehearsal, THIRD, type StackFacts } from "./rehearsal.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** What `--json` writes. */
interface Facts {
  readonly stacks: StackFacts[];
  /** Operations that the older stacks preview once a third region is there; the promise is 0 each. */
  readonly changesByThirdRegion: Record<string, number>;
  /** Things left in the stand-in cloud for the third region after its removal, but for what is kept on purpose. */
  readonly leftOfThirdRegion: number;
}

const NOT_PROVEN = `What this does not prove: nothing ran on AWS. The stand-in cloud enforces rules written down from the
documentation; it does not show that AWS behaves so, that quotas suffice, that images start or that traffic flows.
The recordings route is a placeholder: such a fleet gives no recording out yet. No meeting is held in the rehearsal.`;

const began = Date.now();

function say(text: string): void {
  const seconds = String(Math.round((Date.now() - began) / 1000)).padStart(4);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

/** What of the third region still exists in the stand-in cloud. */
function leftOf(running: RunningCloud): number {
  return running.cloud.inventory().filter(({ urn }) => urn.includes(`:${THIRD.stack}::`)).length;
}

/** Deploys eu and us, adds a third region and removes it again. */
async function rehearse(rehearsal: Rehearsal, running: RunningCloud): Promise<Facts> {
  const stacks: StackFacts[] = [];
  for (const stack of ["eu", "us"]) {
    await rehearsal.init(stack);
  }
  await rehearsal.secret("eu", "meet:oidcClientSecret");
  await rehearsal.secret("eu", "meet:mailPassword");
  for (const stack of ["eu", "us"]) {
    stacks.push(await rehearsal.deploy(stack));
  }
  stacks.push(await rehearsal.addRegion());
  const changesByThirdRegion: Record<string, number> = {};
  for (const stack of ["eu", "us"]) {
    changesByThirdRegion[stack] = await rehearsal.changes(stack);
    say(`${stack}: ${changesByThirdRegion[stack]} changes because of ${THIRD.stack}`);
  }
  await rehearsal.removeRegion();
  const leftOfThirdRegion = leftOf(running);
  say(`${THIRD.stack}: removed, ${leftOfThirdRegion} things left in the cloud`);
  return { stacks, changesByThirdRegion, leftOfThirdRegion };
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

function table(facts: Facts): string {
  const rows = new Table({
    style: { head: [], border: [] },
    head: ["stack", "resources", "seconds", "changes of a second up"],
  });
  for (const { stack, resources, seconds, secondUpChanges } of facts.stacks) {
    rows.push([stack, resources, seconds.toFixed(0), secondUpChanges]);
  }
  return rows.toString();
}

/** How somebody goes on with `pulumi` by hand on what was kept. */
function howToGoOn(workspace: Workspace): string {
  const shell = Object.entries(workspace.environment)
    .filter(([name]) => /^(PULUMI|NODE_OPTIONS|PATH)/.test(name))
    .map(([name, value]) => `export ${name}='${value}'`);
  return [
    "State and stand-in cloud are kept. In another shell:",
    ...shell,
    `cd '${workspace.program}' && pulumi preview -s us`,
    "Ctrl-C here ends the stand-in cloud and removes the copy.",
  ].join("\n");
}

/** Waits for Ctrl-C or a polite end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => undefined, 60_000);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        clearInterval(idle);
        resolve();
      });
    }
  });
}

async function main(options: { readonly json?: string; readonly keep?: boolean }): Promise<number> {
  const running = await startCloud({ patienceMilliseconds: 10_000 });
  const { debugProviders } = running;
  const workspace = await createWorkspace({ debugProviders, checkpoints: "at-end" });
  const stop = interrupted();
  let cleaning: Promise<void> | undefined;
  const clean = (): Promise<void> => (cleaning ??= running.close().then(() => workspace.remove()));
  const kept = new AbortController();
  void stop.then(async () => {
    await clean();
    process.exit(kept.signal.aborted ? 0 : 130);
  });
  say(`real engine: ${workspace.engine.path}`);
  try {
    const facts = await rehearse(new Rehearsal(workspace, say), running);
    const broken = brokenPromises(facts);
    process.stdout.write(`\n${table(facts)}\n\n`);
    process.stdout.write(broken.length === 0 ? "All promises held.\n" : `${broken.join("\n")}\n`);
    process.stdout.write(`${NOT_PROVEN}\n`);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(facts, null, 2)}\n`);
    }
    if (options.keep === true) {
      kept.abort();
      process.stdout.write(`\n${howToGoOn(workspace)}\n`);
      await stop;
    }
    return broken.length === 0 ? 0 : 1;
  } finally {
    await clean();
  }
}

const command = new Command("script/rehearse")
  .description(
    "Deploys eu and us with the real Pulumi engine on a stand-in cloud, adds a third region and removes it. " +
      "Works on a copy; needs no account. Exit status 1 when a promise is broken.",
  )
  .option("--json <file>", "write what was measured there as JSON")
  .option(
    "--keep",
    "leave state and stand-in cloud running until Ctrl-C, and say how to use pulumi on them",
  );
command.parse();
try {
  process.exitCode = await main(command.opts());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
