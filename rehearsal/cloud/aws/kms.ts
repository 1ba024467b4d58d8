import type { Making } from "../model.ts";
import { flag, text } from "../values.ts";
import { aws, byInput, fixed, input } from "./define.ts";

const uuid = (c: Making) => `${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}`;
const defaultPolicy = (c: Making) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${c.accountId}:root` },
        Action: "kms:*",
        Resource: "*",
      },
    ],
  });

/** KMS types. */
export const kmsTypes = [
  aws("kms/key:Key", "KMS Key", ["KMS", "Key"], {
    replaceOn: ["keyUsage", "customerMasterKeySpec", "multiRegion", "customKeyStoreId", "xksKeyId"],
    id: (c) => (flag(c.inputs, "multiRegion") ? `mrk-${c.hex(32)}` : uuid(c)),
    computed: {
      arn: (c) => c.arn("kms", `key/${c.id}`),
      keyId: (c) => c.id,
      policy: defaultPolicy,
      description: fixed(""),
      keyUsage: fixed("ENCRYPT_DECRYPT"),
      customerMasterKeySpec: fixed("SYMMETRIC_DEFAULT"),
      multiRegion: fixed(false),
      rotationPeriodInDays: fixed(365),
    },
    hasTags: true,
  }),
  aws("kms/alias:Alias", "KMS Alias", ["KMS", "Alias"], {
    replaceOn: ["name", "namePrefix"],
    id: byInput("name"),
    computed: {
      arn: (c) => c.arn("kms", input(c, "name")),
      targetKeyArn: (c) =>
        text(c.cloud.find("aws:kms/key:Key", input(c, "targetKeyId"))?.state, "arn") ??
        input(c, "targetKeyId"),
    },
    autoname: { key: "name" },
    unique: {
      key: byInput("name"),
      errorCode: "AlreadyExistsException",
      status: 400,
      message: (key) => `An alias with the name ${key} already exists`,
    },
  }),
  aws("kms/replicaKey:ReplicaKey", "KMS Replica Key", ["KMS", "ReplicaKey"], {
    replaceOn: ["primaryKeyArn"],
    id: (c) => input(c, "primaryKeyArn").split("/")[1] ?? "",
    computed: {
      arn: (c) => c.arn("kms", `key/${c.id}`),
      keyId: (c) => c.id,
      policy: defaultPolicy,
      keyRotationEnabled: fixed(false),
      keySpec: fixed("SYMMETRIC_DEFAULT"),
      keyUsage: fixed("ENCRYPT_DECRYPT"),
    },
    hasTags: true,
  }),
];
