import type { Rule } from "../model.ts";
import { flag, number, text } from "../values.ts";
import { inUse, mustExist, types } from "./support.ts";

const auth = "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html";
const STRATEGY = "authTokenUpdateStrategy";
const failover = "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoFailover.html";
const subnetGroup = "aws:elasticache/subnetGroup:SubnetGroup";

/** ElastiCache. */
export const elasticacheRules: readonly Rule[] = [
  {
    id: "cache-token-needs-tls",
    what: "An AUTH token needs encryption in transit.",
    source: auth,
    errorCode: "InvalidParameterCombination",
    types: [types.replicationGroup],
    on: ["create", "update"],
    check: ({ inputs }) =>
      text(inputs, "authToken") !== undefined && !flag(inputs, "transitEncryptionEnabled")
        ? "Auth token can only be set when transit encryption is enabled."
        : undefined,
  },
  {
    id: "cache-token-form",
    what: "An AUTH token has 16 to 128 letters, digits or !&#$^<>-.",
    source: auth,
    errorCode: "InvalidParameterValue",
    types: [types.replicationGroup],
    on: ["create", "update"],
    check: ({ inputs }) => {
      const token = text(inputs, "authToken");
      return token === undefined || /^[A-Za-z0-9!&#$^<>-]{16,128}$/.test(token)
        ? undefined
        : "Invalid AuthToken provided. It must be 16 to 128 printable characters; of the special ones only !&#$^<>- are allowed.";
    },
  },
  {
    id: "cache-token-set",
    what: "A new AUTH token is added by ROTATE; only then may SET drop the one before.",
    source:
      "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html",
    errorCode: "InvalidParameterCombination",
    types: [types.replicationGroup],
    on: ["update"],
    check: ({ inputs, thing }) => {
      const isChanged = ["authToken", STRATEGY].some(
        (key) => text(inputs, key) !== text(thing?.state, key),
      );
      return isChanged &&
        text(inputs, STRATEGY) === "SET" &&
        text(thing?.state, STRATEGY) !== "ROTATE"
        ? "The AUTH token update strategy SET is allowed only after ROTATE."
        : undefined;
    },
  },
  {
    id: "cache-multi-zone",
    what: "Several zones need automatic failover.",
    source: failover,
    errorCode: "InvalidParameterCombination",
    types: [types.replicationGroup],
    on: ["create", "update"],
    check: ({ inputs }) =>
      flag(inputs, "multiAzEnabled") && !flag(inputs, "automaticFailoverEnabled")
        ? "Must enable automatic failover for the replication group to enable Multi-AZ."
        : undefined,
  },
  {
    id: "cache-failover-nodes",
    what: "Automatic failover needs at least two nodes.",
    source: failover,
    errorCode: "InvalidParameterCombination",
    types: [types.replicationGroup],
    on: ["create", "update"],
    check: ({ inputs }) =>
      flag(inputs, "automaticFailoverEnabled") && (number(inputs, "numCacheClusters") ?? 1) < 2
        ? "Automatic failover requires at least 2 cache clusters."
        : undefined,
  },
  {
    id: "cache-name",
    what: "A replication group's id has at most 40 letters, digits and single hyphens, and starts with a letter.",
    source:
      "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
    errorCode: "InvalidParameterValue",
    types: [types.replicationGroup],
    on: ["create"],
    check: ({ inputs }) => {
      const id = text(inputs, "replicationGroupId") ?? "";
      return /^[a-zA-Z](?:-?[a-zA-Z0-9])*$/.test(id) && id.length <= 40
        ? undefined
        : "The parameter ReplicationGroupIdentifier is not a valid identifier.";
    },
  },
  mustExist({
    id: "cache-subnet-group-exists",
    what: "A replication group's subnet group exists in its region.",
    source:
      "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html",
    errorCode: "CacheSubnetGroupNotFoundFault",
    status: 404,
    types: [types.replicationGroup],
    paths: ["subnetGroupName"],
    found: ({ cloud, scope }, name) => cloud.find(subnetGroup, name, scope) !== undefined,
    message: (name) => `Cache Subnet Group ${name} does not exist.`,
  }),
  inUse({
    id: "cache-subnet-group-in-use",
    what: "A subnet group is not deleted while a replication group uses it.",
    source:
      "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html",
    errorCode: "CacheSubnetGroupInUse",
    type: subnetGroup,
    by: [[types.replicationGroup, "subnetGroupName"]],
    except: (user, group) => user.scope !== group.scope,
    message: ({ id }, user) =>
      `Cache subnet group ${id} is currently in use by a cache cluster: ${user.id}`,
  }),
];
