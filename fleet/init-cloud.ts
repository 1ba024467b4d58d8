import * as z from "zod";
import type { Aws } from "./aws.ts";
import type { Answers } from "./init-answers.ts";
import { rolesOf } from "./init-answers.ts";
import type { Step } from "./steps.ts";

/** Alias of the key that encrypts the secrets in the stack files and the state. */
export const KEY_ALIAS = "alias/meet-pulumi";

/** Name of the role of workflows that look and do not deploy. */
const PREVIEW_ROLE = "meet-preview";

/** GitHub's OpenID Connect provider (GitHub docs, configuring-openid-connect-in-amazon-web-services). */
const GITHUB_HOST = "token.actions.githubusercontent.com";

/** Where state and key are. */
export interface CloudHome {
  readonly account: string;
  readonly bucket: string;
  /** AWS region of the primary. */
  readonly awsRegion: string;
  /** AWS region of the standby, which gets a replica of the key. */
  readonly replicaRegion?: string;
}

/** Where state and key of these answers are. */
export function cloudHome(answers: Answers, account: string): CloudHome {
  const roles = rolesOf(answers);
  const regionOf = (role: string): string | undefined =>
    answers.regions[roles.findIndex((it) => it === role)]?.awsRegion;
  const replicaRegion = regionOf("standby");
  return {
    account,
    bucket: answers.stateBucket ?? `${account}-meet-state`,
    awsRegion: regionOf("primary") ?? "",
    ...(replicaRegion === undefined ? {} : { replicaRegion }),
  };
}

/** The secrets provider of all stacks. */
export function secretsProviderOf({ awsRegion }: CloudHome): string {
  return `awskms://${KEY_ALIAS}?region=${awsRegion}`;
}

/** What `pulumi login` takes. */
export function backendOf({ bucket, awsRegion }: CloudHome): string {
  return `s3://${bucket}?region=${awsRegion}`;
}

/** The state's bucket, the key, and the role of workflows; each looks first whether it is there. */
export function cloudSteps(aws: Aws, home: CloudHome, answers: Answers): readonly Step[] {
  return [...bucketSteps(aws, home), ...keySteps(aws, home), ...roleSteps(aws, home, answers)];
}

function bucketSteps(aws: Aws, { bucket, awsRegion }: CloudHome): readonly Step[] {
  const call = (...args: readonly string[]): Promise<unknown> =>
    aws.call(awsRegion, ["s3api", ...args, "--bucket", bucket]);
  return [
    {
      name: `state bucket ${bucket} in ${awsRegion}`,
      isDone: () => succeeds(call("head-bucket")),
      run: async () => {
        // us-east-1 is the one region that must not be named (Amazon S3 API, CreateBucket).
        const place =
          awsRegion === "us-east-1"
            ? []
            : ["--create-bucket-configuration", `LocationConstraint=${awsRegion}`];
        await call("create-bucket", ...place);
      },
    },
    {
      name: `state bucket ${bucket}: versions kept, nothing public`,
      run: async () => {
        await call("put-bucket-versioning", "--versioning-configuration", "Status=Enabled");
        await call(
          ...["put-public-access-block", "--public-access-block-configuration"],
          "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        );
      },
    },
  ];
}

const keySchema = z.object({ KeyMetadata: z.object({ KeyId: z.string() }) });

function keySteps(aws: Aws, { awsRegion, replicaRegion }: CloudHome): readonly Step[] {
  const kms = (region: string, ...args: readonly string[]): Promise<unknown> =>
    aws.call(region, ["kms", ...args]);
  const hasAlias = (region: string): Promise<boolean> =>
    succeeds(kms(region, "describe-key", "--key-id", KEY_ALIAS));
  const name = (region: string, keyId: string): Promise<unknown> =>
    kms(region, "create-alias", "--alias-name", KEY_ALIAS, "--target-key-id", keyId);
  const first: Step = {
    name: `multi-Region key ${KEY_ALIAS} in ${awsRegion}`,
    isDone: () => hasAlias(awsRegion),
    run: async () => {
      const made = await kms(
        awsRegion,
        ...["create-key", "--multi-region", "--description", "Pulumi secrets of meet"],
      );
      await name(awsRegion, keySchema.parse(made).KeyMetadata.KeyId);
    },
  };
  if (replicaRegion === undefined) {
    return [first];
  }
  return [
    first,
    {
      name: `replica of the key in ${replicaRegion}, for when ${awsRegion} is down`,
      isDone: () => hasAlias(replicaRegion),
      run: async () => {
        const found = await kms(awsRegion, "describe-key", "--key-id", KEY_ALIAS);
        const { KeyId } = keySchema.parse(found).KeyMetadata;
        if (!(await succeeds(kms(replicaRegion, "describe-key", "--key-id", KeyId)))) {
          await kms(
            awsRegion,
            ...["replicate-key", "--key-id", KeyId, "--replica-region", replicaRegion],
          );
        }
        await name(replicaRegion, KeyId);
      },
    },
  ];
}

function roleSteps(aws: Aws, home: CloudHome, answers: Answers): readonly Step[] {
  if (answers.github === undefined) {
    return [];
  }
  const iam = (...args: readonly string[]): Promise<unknown> =>
    aws.call(undefined, ["iam", ...args]);
  const provider = `arn:aws:iam::${home.account}:oidc-provider/${GITHUB_HOST}`;
  return [
    {
      name: "GitHub as OpenID Connect provider",
      isDone: () =>
        succeeds(iam("get-open-id-connect-provider", "--open-id-connect-provider-arn", provider)),
      run: async () => {
        await iam(
          ...["create-open-id-connect-provider", "--url", `https://${GITHUB_HOST}`],
          ...["--client-id-list", "sts.amazonaws.com"],
        );
      },
    },
    {
      name: `role ${PREVIEW_ROLE} for workflows that look`,
      isDone: () => succeeds(iam("get-role", "--role-name", PREVIEW_ROLE)),
      run: async () => {
        await iam(
          ...["create-role", "--role-name", PREVIEW_ROLE],
          ...["--assume-role-policy-document", JSON.stringify(trustPolicy(provider, answers))],
        );
      },
    },
    {
      name: `role ${PREVIEW_ROLE}: reads the account, the state and the key`,
      run: async () => {
        await iam(
          ...["attach-role-policy", "--role-name", PREVIEW_ROLE],
          ...["--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
        );
        await iam(
          ...["put-role-policy", "--role-name", PREVIEW_ROLE, "--policy-name", "state"],
          ...["--policy-document", JSON.stringify(statePolicy(home))],
        );
      },
    },
  ];
}

/** One subject per environment and region; never a wildcard, which other repositories would match. */
export function trustPolicy(provider: string, { github, regions }: Answers): unknown {
  const { owner = "", repository = "", ownerId, repositoryId } = github ?? {};
  const hasIds = ownerId !== undefined && repositoryId !== undefined;
  const of = hasIds
    ? `${owner}@${ownerId}/${repository}@${repositoryId}`
    : `${owner}/${repository}`;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: provider },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: {
            [`${GITHUB_HOST}:aud`]: "sts.amazonaws.com",
            [`${GITHUB_HOST}:sub`]: regions.map(
              ({ name }) => `repo:${of}:environment:preview-${name}`,
            ),
          },
        },
      },
    ],
  };
}

/** The engine locks the state by a file even to look, so it writes there. */
function statePolicy({ account, bucket }: CloudHome): unknown {
  return {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` },
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        Resource: `arn:aws:s3:::${bucket}/*`,
      },
      {
        Effect: "Allow",
        Action: "kms:Decrypt",
        Resource: `arn:aws:kms:*:${account}:key/*`,
        Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": KEY_ALIAS } },
      },
    ],
  };
}

async function succeeds(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    // Only "there is none" means that; anything else stops here, before something is made twice.
    if (error instanceof Error && /^(404|NoSuch|NotFound|NotFoundException)/.test(error.message)) {
      return false;
    }
    throw error;
  }
}
