import "./stacks-of-errors.ts";
import "./readable-errors.ts";
import { loadStackConfig } from "./config.ts";
import { deploy } from "./deploy.ts";
import { lookUp } from "./lookups.ts";

/**
 * One stack is one region. The configuration is read and checked, the account is asked what has to be known, and only
 * then is anything made, in the order that infra/deploy.ts shows.
 */
const { config, secrets } = loadStackConfig();
const lookups = await lookUp(config);

export const { urls, buckets, recordsToSet, cluster, kubeconfig, sharedSecrets } = deploy(
  config,
  secrets,
  lookups,
);
