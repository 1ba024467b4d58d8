import type { Rule } from "../model.ts";
import { isMap, text, type Value } from "../values.ts";
import { inUse, mustExist, types } from "./support.ts";

const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
const deleteRole = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html";

/** True for a JSON object with a Statement. */
function isPolicy(value: Value | undefined): boolean {
  if (typeof value !== "string") {
    return isMap(value);
  }
  try {
    const parsed: unknown = JSON.parse(value);
    return isMap(parsed) && "Statement" in parsed;
  } catch {
    return false;
  }
}

/** IAM. */
export const iamRules: readonly Rule[] = [
  inUse({
    id: "role-has-policies",
    what: "A role is not deleted while policies are attached to it.",
    source: deleteRole,
    errorCode: "DeleteConflict",
    status: 409,
    type: types.role,
    by: [
      [attachment, "role"],
      ["aws:iam/rolePolicy:RolePolicy", "role"],
    ],
    message: () => "Cannot delete entity, must detach all policies first.",
  }),
  inUse({
    id: "role-has-profile",
    what: "A role is not deleted while it is in an instance profile.",
    source: deleteRole,
    errorCode: "DeleteConflict",
    status: 409,
    type: types.role,
    by: [["aws:iam/instanceProfile:InstanceProfile", "role"]],
    message: () => "Cannot delete entity, must remove roles from instance profile first.",
  }),
  inUse({
    id: "policy-attached",
    what: "A managed policy is not deleted while it is attached.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
    errorCode: "DeleteConflict",
    status: 409,
    type: "aws:iam/policy:Policy",
    by: [[attachment, "policyArn"]],
    message: () => "Cannot delete a policy attached to entities.",
  }),
  mustExist({
    id: "role-exists",
    what: "A policy is attached to a role that exists.",
    source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
    errorCode: "NoSuchEntity",
    status: 404,
    types: [attachment, "aws:iam/rolePolicy:RolePolicy", "aws:iam/instanceProfile:InstanceProfile"],
    paths: ["role"],
    found: ({ cloud }, name) => cloud.find(types.role, name) !== undefined,
    message: (name) => `The role with name ${name} cannot be found.`,
  }),
  {
    id: "policy-document",
    what: "A policy document is JSON with statements.",
    source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
    errorCode: "MalformedPolicyDocument",
    types: [types.role, "aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy"],
    on: ["create", "update"],
    check: ({ inputs, type }) => {
      const key = type.token === types.role ? "assumeRolePolicy" : "policy";
      return isPolicy(inputs[key])
        ? undefined
        : `Syntax errors in policy. (${text(inputs, key)?.slice(0, 40) ?? "no document"})`;
    },
  },
];
