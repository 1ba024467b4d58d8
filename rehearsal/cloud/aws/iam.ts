import { input, byInput, fixed, globalAws } from "./define.ts";
import type { Making } from "../model.ts";

const path = (c: Making) => input(c, "path") || "/";
const iamArn = (kind: string) => (c: Making) =>
  `arn:aws:iam::${c.accountId}:${kind}${path(c)}${input(c, "name")}`;
const created = fixed("2026-01-01T00:00:00Z");

/** IAM types: global, so their names are unique over all regions and stacks. */
export const iamTypes = [
  globalAws("iam/role:Role", "IAM Role", ["IAM", "Role"], {
    replaceOn: ["name", "namePrefix", "path"],
    id: byInput("name"),
    computed: {
      arn: iamArn("role"),
      uniqueId: (c) => `AROA${c.hex(17).toUpperCase()}`,
      createDate: created,
      path: fixed("/"),
      maxSessionDuration: fixed(3600),
      managedPolicyArns: fixed([]),
      inlinePolicies: fixed([]),
    },
    autoname: { key: "name", maxLength: 64 },
    unique: {
      key: byInput("name"),
      errorCode: "EntityAlreadyExists",
      status: 409,
      message: (key) => `Role with name ${key} already exists.`,
    },
    hasTags: true,
  }),
  globalAws("iam/rolePolicy:RolePolicy", "IAM Role Policy", ["IAM", "RolePolicy"], {
    replaceOn: ["name", "namePrefix", "role"],
    id: (c) => `${input(c, "role")}:${input(c, "name")}`,
    autoname: { key: "name", maxLength: 128 },
  }),
  globalAws(
    "iam/rolePolicyAttachment:RolePolicyAttachment",
    "IAM Role Policy Attachment",
    ["IAM", "RolePolicyAttachment"],
    { replaceOn: ["role", "policyArn"], id: (c) => `${input(c, "role")}/${input(c, "policyArn")}` },
  ),
  globalAws("iam/policy:Policy", "IAM Policy", ["IAM", "Policy"], {
    replaceOn: ["name", "namePrefix", "path", "description"],
    id: (c) => `arn:aws:iam::${c.accountId}:policy${path(c)}${input(c, "name")}`,
    computed: {
      arn: (c) => c.id,
      policyId: (c) => `ANPA${c.hex(17).toUpperCase()}`,
      attachmentCount: fixed(0),
      path: fixed("/"),
    },
    autoname: { key: "name", maxLength: 128 },
    unique: {
      key: byInput("name"),
      errorCode: "EntityAlreadyExists",
      status: 409,
      message: (key) => `A policy called ${key} already exists. Duplicate names are not allowed.`,
    },
    hasTags: true,
  }),
  globalAws(
    "iam/instanceProfile:InstanceProfile",
    "IAM Instance Profile",
    ["IAM", "InstanceProfile"],
    {
      replaceOn: ["name", "namePrefix", "path"],
      id: byInput("name"),
      computed: {
        arn: iamArn("instance-profile"),
        uniqueId: (c) => `AIPA${c.hex(17).toUpperCase()}`,
        createDate: created,
        path: fixed("/"),
      },
      autoname: { key: "name", maxLength: 128 },
      unique: {
        key: byInput("name"),
        errorCode: "EntityAlreadyExists",
        status: 409,
        message: (key) => `Instance Profile ${key} already exists.`,
      },
      hasTags: true,
    },
  ),
];
