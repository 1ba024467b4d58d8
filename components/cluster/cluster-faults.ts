import { Faults } from "../shared/faults.ts";
import type { ClusterArgs } from "./cluster.ts";

/** Days that CloudWatch Logs can keep (PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
];

/** An IAM role or user: what an access entry can name (Amazon EKS user guide, access-entries). */
const PRINCIPAL = /^arn:[^:]+:iam::\d{12}:(role|user)\/.+$/;

/** Everything that AWS would refuse in a cluster's arguments, or that would lock everybody out. */
export function clusterFaults(type: string, name: string, args: ClusterArgs): Faults {
  const faults = new Faults(type, name);
  faults.when(
    !/^1\.\d+$/.test(args.kubernetesVersion),
    `kubernetesVersion "${args.kubernetesVersion}" is no minor version. Write one such as "1.34".`,
  );
  faults.when(
    args.privateSubnetIds.length < 2,
    `${args.privateSubnetIds.length} private subnets are too few. Give two in different zones.`,
  );
  faults.when(
    args.administratorRoleArns.length === 0,
    "there is no administrator, so nobody could use it. Name a role in administratorRoleArns.",
  );
  for (const arn of args.administratorRoleArns.filter((each) => !PRINCIPAL.test(each))) {
    faults.when(
      true,
      `administrator "${arn}" is no IAM role or user. Write arn:aws:iam::<account>:role/<name>.`,
    );
  }
  const keys = args.administratorRoleArns.map(administratorKey);
  for (const key of new Set(keys.filter((each, index) => keys.indexOf(each) !== index))) {
    faults.when(true, `two administrators are called "${key}". Name each role once.`);
  }
  faults.when(
    !RETENTION_DAYS.includes(args.logRetentionDays),
    `logRetentionDays ${args.logRetentionDays} is no period of CloudWatch Logs. Use one of ` +
      `${RETENTION_DAYS.join(", ")}.`,
  );
  return faults;
}

/** The part of logical names that tells administrators apart: the role's path and name. */
export function administratorKey(arn: string): string {
  return (arn.split(":").at(-1) ?? "")
    .replace(/^(role|user)\//, "")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .toLowerCase();
}
