import { makeBucket, makeRole, replication } from "../fixtures.ts";
import type { Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const document = JSON.stringify({ Statement: [] });
const CONFIG = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";
const attach = (
  aws: Instance,
  role: string,
  policyArn = "arn:aws:iam::aws:policy/ReadOnlyAccess",
) => aws.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "it", { role, policyArn });
const profile = (aws: Instance, role: string) =>
  aws.create("aws:iam/instanceProfile:InstanceProfile", "it", { role });
const policy = (aws: Instance) =>
  aws.create("aws:iam/policy:Policy", "it", { name: "it", policy: document });
const block = (aws: Instance, bucket: string, name = "it") =>
  aws.create("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", name, {
    bucket,
    blockPublicAcls: true,
  });
const bucket = (aws: Instance, name: string, more = {}) =>
  aws.create("aws:s3/bucket:Bucket", "it", { bucket: name, ...more });

export const iamS3Cases: RuleCases = {
  "role-has-policies": {
    says: "must detach all policies first",
    broken: async ({ eu }) => {
      const role = await makeRole(eu);
      await attach(eu, role.id);
      return eu.remove(role);
    },
    fine: async ({ eu }) => {
      const role = await makeRole(eu);
      await eu.remove(await attach(eu, role.id));
      await eu.remove(role);
    },
  },
  "role-has-profile": {
    says: "must remove roles from instance profile first",
    broken: async ({ eu }) => {
      const role = await makeRole(eu);
      await profile(eu, role.id);
      return eu.remove(role);
    },
    fine: async ({ eu }) => {
      const role = await makeRole(eu);
      await eu.remove(await profile(eu, role.id));
      await eu.remove(role);
    },
  },
  "policy-attached": {
    says: "Cannot delete a policy attached to entities.",
    broken: async ({ eu }) => {
      const made = await policy(eu);
      await attach(eu, (await makeRole(eu)).id, made.id);
      return eu.remove(made);
    },
    fine: async ({ eu }) => eu.remove(await policy(eu)),
  },
  "role-exists": {
    says: "The role with name nobody cannot be found.",
    broken: ({ eu }) => attach(eu, "nobody"),
    fine: async ({ eu }) => attach(eu, (await makeRole(eu)).id),
  },
  "policy-document": {
    says: "Syntax errors in policy.",
    broken: ({ eu }) => eu.create("aws:iam/role:Role", "it", { assumeRolePolicy: "not json" }),
    fine: ({ eu }) => eu.create("aws:iam/role:Role", "it", { assumeRolePolicy: document }),
  },
  "bucket-name": {
    says: "The specified bucket is not valid.",
    broken: ({ eu }) => bucket(eu, "Not_A_Bucket"),
    fine: ({ eu }) => bucket(eu, "a-bucket"),
  },
  "bucket-account-regional": {
    says: "must end with -123456789012-eu-west-3-an",
    broken: ({ eu }) => bucket(eu, "meet-recordings", { bucketNamespace: "account-regional" }),
    fine: ({ eu }) =>
      bucket(eu, "meet-123456789012-eu-west-3-an", { bucketNamespace: "account-regional" }),
  },
  "bucket-exists": {
    says: "The specified bucket does not exist",
    broken: ({ eu }) => block(eu, "nothing-here"),
    fine: async ({ eu }) => block(eu, (await makeBucket(eu, "here")).id),
  },
  "bucket-region": {
    says: "must be addressed using the specified endpoint",
    broken: async ({ eu, us }) => block(us, (await makeBucket(eu, "here")).id),
    fine: async ({ eu }) => block(eu, (await makeBucket(eu, "here")).id),
  },
  "bucket-configuration-once": {
    says: "A conflicting conditional operation",
    broken: async ({ eu }) => {
      const { id } = await makeBucket(eu, "here");
      await block(eu, id);
      return block(eu, id, "second");
    },
    fine: async ({ eu }) => {
      await block(eu, (await makeBucket(eu, "here")).id);
      return block(eu, (await makeBucket(eu, "there")).id, "second");
    },
  },
  "bucket-not-empty": {
    says: "The bucket you tried to delete is not empty.",
    broken: async ({ eu, cloud }) => {
      const made = await bucket(eu, "here");
      cloud.putObject("here", "recordings/a.mp4");
      return eu.remove(made);
    },
    fine: async ({ eu, cloud }) => {
      const made = await bucket(eu, "here", { forceDestroy: true });
      cloud.putObject("here", "recordings/a.mp4");
      await eu.remove(made);
    },
  },
  "replication-source-versioned": {
    says: "Versioning must be 'Enabled' on the bucket",
    broken: async ({ eu, us }) => {
      await makeBucket(eu, "source", false);
      await makeBucket(us, "target");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
    fine: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
  },
  "replication-destination-exists": {
    says: "Destination bucket must exist.",
    broken: async ({ eu }) => {
      await makeBucket(eu, "source");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
    fine: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
  },
  "replication-destination-versioned": {
    says:
      "creating S3 Bucket Replication Configuration (source): operation error S3: PutBucketReplication, " +
      "https response error StatusCode: 400, api error InvalidRequest: " +
      "Destination bucket must have versioning enabled.",
    broken: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target", false);
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
    fine: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
  },
  "replication-priorities": {
    says: "Priority must be unique",
    broken: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      const one = replication("source", "target");
      const rules = Array.isArray(one["rules"]) ? one["rules"] : [];
      return eu.create(CONFIG, "it", { ...one, rules: [...rules, ...rules] });
    },
    fine: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      const first = replication("source", "target")["rules"];
      const second = replication("source", "target", { id: "again", priority: 2 })["rules"];
      const rules = [first, second].flatMap((some) => (Array.isArray(some) ? some : []));
      return eu.create(CONFIG, "it", { ...replication("source", "target"), rules });
    },
  },
  "replication-delete-markers": {
    says: "DeleteMarkerReplication must be specified",
    broken: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      return eu.create(
        CONFIG,
        "it",
        replication("source", "target", { deleteMarkerReplication: null }),
      );
    },
    fine: async ({ eu, us }) => {
      await makeBucket(eu, "source");
      await makeBucket(us, "target");
      return eu.create(CONFIG, "it", replication("source", "target"));
    },
  },
  "versioning-under-replication": {
    says: "the versioning state cannot be changed",
    broken: async ({ eu, us }) => {
      await bucket(eu, "source");
      const versioning = await eu.create("aws:s3/bucketVersioning:BucketVersioning", "source", {
        bucket: "source",
        versioningConfiguration: { status: "Enabled" },
      });
      await makeBucket(us, "target");
      await eu.create(CONFIG, "it", replication("source", "target"));
      return eu.remove(versioning);
    },
    fine: async ({ eu }) => {
      await bucket(eu, "source");
      const versioning = await eu.create("aws:s3/bucketVersioning:BucketVersioning", "source", {
        bucket: "source",
        versioningConfiguration: { status: "Enabled" },
      });
      return eu.update(versioning, { versioningConfiguration: { status: "Suspended" } });
    },
  },
};
