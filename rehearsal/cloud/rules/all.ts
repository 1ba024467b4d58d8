import type { Rule } from "../model.ts";
import { acmElbRules } from "./acm-elb.ts";
import { autoscalingRules } from "./autoscaling.ts";
import { cloudflareRules } from "./cloudflare.ts";
import { ec2Rules } from "./ec2.ts";
import { eksRules } from "./eks.ts";
import { elasticacheRules } from "./elasticache.ts";
import { iamRules } from "./iam.ts";
import { kmsEventRules } from "./kms-events.ts";
import { kubernetesRules } from "./kubernetes.ts";
import { rdsRules } from "./rds.ts";
import { route53Rules } from "./route53.ts";
import { s3Rules } from "./s3.ts";

/** Every rule of the stand-in. */
export const rules: readonly Rule[] = [
  ...acmElbRules,
  ...autoscalingRules,
  ...cloudflareRules,
  ...ec2Rules,
  ...eksRules,
  ...elasticacheRules,
  ...iamRules,
  ...kmsEventRules,
  ...kubernetesRules,
  ...rdsRules,
  ...route53Rules,
  ...s3Rules,
];
