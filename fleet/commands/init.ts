import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { accountId } from "../region-facts.ts";
import type { Registry } from "../command.ts";
import { askAtTerminal, type Question } from "../confirm.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { deleteFile } from "../file-edits.ts";
import { filesOf, readAnswers, rolesOf, type Answers } from "../init-answers.ts";
import {
  backendOf,
  cloudHome,
  cloudSteps,
  secretsProviderOf,
  type CloudHome,
} from "../init-cloud.ts";
import { askAnswers } from "../init-questions.ts";
import { checkedFleet, readStackFiles } from "../stack-files.ts";
import { runSteps } from "../steps.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({
  answers: z.string().optional(),
  files: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/** Registers `fleet init`. */
export function addInit(registry: Registry): void {
  registry.add({
    usage: "init",
    description:
      "Makes the stack files from answers, and in the account what must exist before the first up: the state's bucket,\n" +
      "a multi-Region key, and the role of workflows that look. Shows all of it first. What is there already stays.",
    examples: [
      "fleet init",
      "fleet init --answers answers.yaml --dry-run",
      "fleet init --answers answers.yaml --files",
    ],
    changes: true,
    asks: true,
    options: (command) =>
      command
        .option("--answers <file>", "YAML or JSON; questions are asked without it")
        .option("--files", "only the files: leave the account alone"),
    run: (world, _, options) => init(world, optionsSchema.parse(options)),
  });
}

/** Makes the files and what must exist first. Called again, it goes on with what is not done. */
export async function init(
  world: World,
  options: z.output<typeof optionsSchema>,
  question: Question = askAtTerminal,
): Promise<ExitStatus> {
  const answers = await answersOf(options.answers, question);
  const account = options.files
    ? ({ known: false, why: "only the files were asked for" } as const)
    : await accountId(world.aws);
  const home = account.known ? cloudHome(answers, account.value) : undefined;
  const files = filesOf(answers, home === undefined ? undefined : secretsProviderOf(home));
  checkedFleet(files);
  const steps = home === undefined ? [] : cloudSteps(world.aws, home, answers);
  const before = readStackFiles(world.project);
  const obsolete = [...before.keys()].filter((name) => !files.has(name));
  const inTheAccount =
    home === undefined
      ? [`Nothing in the account: ${account.known ? "" : account.why}.`]
      : [`In account ${home.account}:`, ...steps.map(({ name }) => `  ${name}`)];
  const plan = [
    ...[...files].map(([name, text]) => `${name}:\n${text}`),
    ...(obsolete.length === 0 ? [] : [`Deleted: ${obsolete.join(", ")}`]),
    ...inTheAccount,
  ].join("\n");
  const json = {
    files: Object.fromEntries(files),
    deleted: obsolete,
    account: steps.map(({ name }) => name),
  };
  if (options.dryRun) {
    world.output.result(json, plan);
    return EXIT.done;
  }
  await world.confirm.ask(
    `${plan}\n\n${[...before.keys()].join(", ") || "No file"} of this folder will be replaced.`,
  );
  for (const name of obsolete) {
    deleteFile(world.project, name.replace(/^Pulumi\.|\.yaml$/g, ""));
  }
  for (const [name, text] of files) {
    writeFileSync(join(world.project, name), text);
    world.output.say(`${name}: written`);
  }
  await runSteps(world, "fleet init with the same answers", steps);
  world.output.result(json, nextSteps(answers, home));
  return EXIT.done;
}

/** What is left to the operator: secrets, and a look at the costs. */
function nextSteps(answers: Answers, home: CloudHome | undefined): string {
  const index = rolesOf(answers).findIndex((role) => role === "primary");
  const primary = answers.regions[index]?.name ?? "";
  const secrets = [
    "meet:oidcClientSecret",
    ...("user" in answers.mail ? ["meet:mailPassword"] : []),
  ];
  const [login, provider] =
    home === undefined
      ? ["pulumi login BACKEND", ""]
      : [`pulumi login '${backendOf(home)}'`, ` --secrets-provider '${secretsProviderOf(home)}'`];
  return [
    "Next:",
    `  ${login}`,
    `  pulumi stack init ${primary}${provider}`,
    ...secrets.map((key) => `  pulumi config set --secret ${key} --stack ${primary}`),
    "  npm run plan",
    "  npx fleet up",
  ].join("\n");
}

async function answersOf(file: string | undefined, question: Question): Promise<Answers> {
  if (file === undefined) {
    return askAnswers(question);
  }
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new FleetError(
      `Answers "${file}": the file cannot be read (${sentenceOf(error)}). Correct the path.`,
      EXIT.wrongUse,
    );
  }
  return readAnswers(text, file);
}
