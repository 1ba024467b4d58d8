import type { ResourceType } from "../model.ts";
import { acmTypes } from "./acm.ts";
import { autoscalingTypes } from "./autoscaling.ts";
import { ec2Types } from "./ec2.ts";
import { eksTypes } from "./eks.ts";
import { elasticacheTypes } from "./elasticache.ts";
import { elbTypes } from "./elb.ts";
import { iamTypes } from "./iam.ts";
import { kmsTypes } from "./kms.ts";
import { logTypes } from "./logs.ts";
import { rdsTypes } from "./rds.ts";
import { route53Types } from "./route53.ts";
import { s3Types } from "./s3.ts";
import { sqsEventTypes } from "./sqs-events.ts";

/** Every aws type that the stand-in knows. */
export const awsTypes: readonly ResourceType[] = [
  ...acmTypes,
  ...autoscalingTypes,
  ...ec2Types,
  ...eksTypes,
  ...elasticacheTypes,
  ...elbTypes,
  ...iamTypes,
  ...kmsTypes,
  ...logTypes,
  ...rdsTypes,
  ...route53Types,
  ...s3Types,
  ...sqsEventTypes,
];
