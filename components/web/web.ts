import * as pulumi from "@pulumi/pulumi";
import { ApplicationBalancer } from "../balancer/application-balancer.ts";
import { Faults } from "../shared/faults.ts";
import type { Protection } from "../shared/protection.ts";
import type { Tags } from "../shared/tags.ts";
import { routes, type RouteArgs } from "./routes.ts";

/** Part of every URN beneath it: never change without an alias. */
export const WEB_TYPE = "meet:edge:Web";

/** Arguments of Web. */
export interface WebArgs extends RouteArgs {
  readonly vpcId: pulumi.Input<string>;
  /** Public subnets, at least two, in different zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Certificates that cover `meet.<domain>` and `meet.<region>.<domain>`. */
  readonly certificateArns: readonly [pulumi.Input<string>, ...pulumi.Input<string>[]];
  /** The group of nodes that carry the NodePorts. */
  readonly autoscalingGroupName: pulumi.Input<string>;
  readonly nodeSecurityGroupId: pulumi.Input<string>;
  readonly protection: Protection;
  readonly tags: Tags;
}

/**
 * Gunicorn ends a request after 90 s (suitenumerique/meet docker/files/usr/local/etc/gunicorn/meet.py): the balancer
 * waits longer, so that the application's answer is what people see.
 */
const IDLE_TIMEOUT_SECONDS = 100;

/**
 * The entry of Meet's web and API in one home: a load balancer with the routes of `meet.<domain>` and the answers that
 * the failover checks ask for on `meet.<region>.<domain>`. In a standby every page is a 503, so that a record that
 * points there too early shows what is happening instead of an empty application. Makes one ApplicationBalancer.
 */
export class Web extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  readonly zoneId: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: WebArgs, opts?: pulumi.ComponentResourceOptions) {
    super(WEB_TYPE, name, {}, opts);
    const faults = new Faults(WEB_TYPE, name);
    faults.when(
      args.regionalHost === args.host,
      `host and regionalHost are both "${args.host}". The checks need a name of their own, meet.<region>.<domain>.`,
    );
    faults.throwIfAny(this);
    const balancer = new ApplicationBalancer(
      name,
      {
        vpcId: args.vpcId,
        subnetIds: args.subnetIds,
        certificateArns: args.certificateArns,
        autoscalingGroupName: args.autoscalingGroupName,
        nodeSecurityGroupId: args.nodeSecurityGroupId,
        idleTimeoutSeconds: IDLE_TIMEOUT_SECONDS,
        ...routes(args),
        protection: args.protection,
        tags: args.tags,
      },
      { parent: this },
    );
    this.dnsName = balancer.dnsName;
    this.zoneId = balancer.zoneId;
    this.arn = balancer.arn;
    this.registerOutputs({ dnsName: this.dnsName, zoneId: this.zoneId, arn: this.arn });
  }
}
