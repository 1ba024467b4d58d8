import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startFleet, type Fleet } from "./fleet.ts";

/** Where a run of tests keeps what its files share; set before its workers start. */
const FOLDER_VARIABLE = "MEET_DEPLOYED_FLEET";

/** A deployment takes a minute or two; who waits for one that takes longer is told. */
const PATIENCE_MS = 5 * 60_000;

const PARTS = { state: "state", program: "program", cloud: "cloud.json" } as const;

const STACKS = ["eu", "us"] as const;

/** vitest's global set-up: the folder is made before a run and removed after it. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "meet-deployed-"));
  process.env[FOLDER_VARIABLE] = folder;
  return () => rm(folder, { recursive: true, force: true });
}

/**
 * A fleet of eu and us as this repository's files say, deployed, with nothing left to do. Deploying it is what costs
 * the time of an engine's test, so the first file of a run that asks for it does that, and the others get a copy of
 * state, stack files and stand-in cloud: what one does to its fleet no other sees.
 * @throws when the deployment failed, in every file that asks
 */
export async function startDeployedFleet(): Promise<Fleet> {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder === undefined) {
    throw new Error(`Variable "${FOLDER_VARIABLE}": not set. Name this file as globalSetup.`);
  }
  return (await isFirst(folder)) ? deploy(folder) : copy(folder);
}

async function isFirst(folder: string): Promise<boolean> {
  return mkdir(join(folder, "taken")).then(
    () => true,
    () => false,
  );
}

async function deploy(folder: string): Promise<Fleet> {
  const fleet = await startFleet();
  try {
    // Both before either is deployed: what the primary makes depends on the others' files.
    for (const stack of STACKS) {
      await fleet.add(stack);
    }
    for (const stack of STACKS) {
      await fleet.up(stack);
    }
    const { workspace, running } = fleet;
    await cp(join(workspace.folder, PARTS.state), join(folder, PARTS.state), { recursive: true });
    await mkdir(join(folder, PARTS.program));
    for (const stack of STACKS) {
      const file = join(PARTS.program, `Pulumi.${stack}.yaml`);
      await cp(join(workspace.folder, file), join(folder, file));
    }
    running.cloud.keepIn(join(folder, PARTS.cloud));
    await writeFile(join(folder, "deployed"), "");
  } catch (error) {
    await writeFile(join(folder, "failed"), String(error));
    await fleet.close();
    throw error;
  }
  return fleet;
}

async function copy(folder: string): Promise<Fleet> {
  await untilDeployed(folder);
  const fleet = await startFleet({ cloud: { from: join(folder, PARTS.cloud) } });
  for (const part of [PARTS.state, PARTS.program]) {
    await cp(join(folder, part), join(fleet.workspace.folder, part), { recursive: true });
  }
  return fleet;
}

async function untilDeployed(folder: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isThere(join(folder, "deployed")))) {
    if (await isThere(join(folder, "failed"))) {
      throw new Error(await readFile(join(folder, "failed"), "utf8"));
    }
    if (Date.now() > deadline) {
      throw new Error(`Fleet "eu, us": not deployed within ${PATIENCE_MS / 1000} s.`);
    }
    await sleep(200);
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
