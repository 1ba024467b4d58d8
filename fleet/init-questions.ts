import { EXIT, FleetError } from "./exit.ts";
import type { Question } from "./confirm.ts";
import { readAnswers, type Answers } from "./init-answers.ts";

/** One question: where its answer goes, and what an empty one means; undefined where one is needed. */
interface Asked {
  readonly key: string;
  readonly text: string;
  readonly otherwise?: string;
}

const FIRST: readonly Asked[] = [
  { key: "domain", text: "Domain, such as example.org; people will see meet.<domain>" },
  { key: "zoneName", text: "Route 53 zone that it lies in", otherwise: "{domain}" },
  {
    key: "primary",
    text: "Short name of the first region, which holds the database",
    otherwise: "eu",
  },
  { key: "primaryRegion", text: "Its AWS region", otherwise: "eu-west-3" },
  { key: "standby", text: "Short name of a standby region; empty for none", otherwise: "" },
];

const STANDBY: readonly Asked[] = [
  { key: "standbyRegion", text: "The standby's AWS region" },
  {
    key: "residency",
    text: "Residency group of both: the standby copies accounts and recordings; empty if one jurisdiction holds both",
    otherwise: "",
  },
];

const REST: readonly Asked[] = [
  { key: "size", text: "Size: small, medium or large", otherwise: "small" },
  { key: "deployFrom", text: "Address range that you deploy from, such as 203.0.113.0/24" },
  { key: "clientId", text: "OpenID Connect: client id", otherwise: "meet" },
  { key: "authorizationEndpoint", text: "OpenID Connect: authorization endpoint" },
  { key: "tokenEndpoint", text: "OpenID Connect: token endpoint" },
  { key: "userEndpoint", text: "OpenID Connect: user info endpoint" },
  { key: "jwksEndpoint", text: "OpenID Connect: keys (JWKS) endpoint" },
  { key: "mailHost", text: "Mail server, reached on port 587" },
  { key: "mailUser", text: "Its user name; empty for none", otherwise: "" },
  { key: "mailFrom", text: "Sender's address", otherwise: "meet@{domain}" },
  { key: "administrator", text: "First administrator's address; empty for none", otherwise: "" },
];

/** Asks at the terminal what a small or a two-region fleet needs; a file of answers can say more. */
export async function askAnswers(question: Question): Promise<Answers> {
  const said = new Map<string, string>();
  const ask = async (questions: readonly Asked[]): Promise<void> => {
    for (const { key, text, otherwise } of questions) {
      const usual = otherwise?.replace("{domain}", said.get("domain") ?? "");
      said.set(key, await answerTo(question, text, usual));
    }
  };
  await ask(FIRST);
  await ask(said.get("standby") === "" ? [] : STANDBY);
  await ask(REST);
  return readAnswers(JSON.stringify(answersFrom(said)), "the terminal");
}

async function answerTo(
  question: Question,
  text: string,
  usual: string | undefined,
): Promise<string> {
  for (;;) {
    const line = await question(
      `${text}${usual === undefined || usual === "" ? "" : ` [${usual}]`}: `,
    );
    if (line === undefined) {
      throw new FleetError(
        "Answers: nobody can be asked, there is no terminal. Give a file with --answers.",
        EXIT.wrongUse,
      );
    }
    const answer = line.trim();
    if (answer !== "") {
      return answer;
    }
    if (usual !== undefined) {
      return usual;
    }
  }
}

function answersFrom(said: ReadonlyMap<string, string>): unknown {
  const of = (key: string): string => said.get(key) ?? "";
  const given = (key: string, name: string): Record<string, string> =>
    of(key) === "" ? {} : { [name]: of(key) };
  const residency = given("residency", "residency");
  return {
    domain: of("domain"),
    size: of("size"),
    dns: { provider: "route53", zoneName: of("zoneName") },
    regions: [
      { name: of("primary"), awsRegion: of("primaryRegion"), role: "primary", ...residency },
      ...(of("standby") === ""
        ? []
        : [{ name: of("standby"), awsRegion: of("standbyRegion"), role: "standby", ...residency }]),
    ],
    deployFrom: [of("deployFrom")],
    oidc: {
      clientId: of("clientId"),
      authorizationEndpoint: of("authorizationEndpoint"),
      tokenEndpoint: of("tokenEndpoint"),
      userEndpoint: of("userEndpoint"),
      jwksEndpoint: of("jwksEndpoint"),
    },
    mail: { host: of("mailHost"), from: of("mailFrom"), ...given("mailUser", "user") },
    ...given("administrator", "administrator"),
  };
}
