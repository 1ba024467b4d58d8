import type { ValueMap } from "../../../../rehearsal/cloud/values.ts";
import {
  issue,
  latency,
  makeBalancer,
  makeCertificate,
  makeListener,
  makeNetwork,
  makeRecord,
  validate,
} from "../fixtures.ts";
import { output, type Instance } from "../world.ts";
import type { RuleCases } from "./case.ts";

const check = (aws: Instance, more: ValueMap = {}) =>
  aws.create("aws:route53/healthCheck:HealthCheck", "it", {
    type: "HTTPS",
    fqdn: "livekit.eu.example.org",
    requestInterval: 10,
    ...more,
  });
const calculated = (aws: Instance, children: string[]) =>
  check(aws, { type: "CALCULATED", childHealthchecks: children, childHealthThreshold: 1 });
const https = (certificateArn: string): ValueMap => ({
  port: 443,
  protocol: "HTTPS",
  certificateArn,
});
const secondBalancer = async (aws: Instance, subnets: { id: string }[]) =>
  aws.create("aws:lb/loadBalancer:LoadBalancer", "second", {
    name: "second",
    subnets: subnets.map(({ id }) => id),
  });

export const edgeCases: RuleCases = {
  "zone-exists": {
    says: "No hosted zone found with ID: ZNONE",
    broken: ({ eu }) => makeRecord(eu, "it", { zoneId: "ZNONE" }),
    fine: ({ eu }) => makeRecord(eu, "it", {}),
  },
  "record-once": {
    says: "but it already exists]",
    broken: async ({ eu, us }) => {
      await makeRecord(eu, "it", latency("eu", "eu-west-3"));
      return makeRecord(us, "it", latency("eu", "us-east-1"));
    },
    fine: async ({ eu, us }) => {
      await makeRecord(eu, "it", latency("eu", "eu-west-3"));
      return makeRecord(us, "it", latency("us", "us-east-1"));
    },
  },
  "record-one-policy": {
    says: "a record set with another routing policy exists",
    broken: async ({ eu, us }) => {
      await makeRecord(eu, "it", latency("eu", "eu-west-3"));
      return makeRecord(us, "it", {
        setIdentifier: "us",
        failoverRoutingPolicies: [{ type: "SECONDARY" }],
      });
    },
    fine: async ({ eu, us }) => {
      await makeRecord(eu, "it", latency("eu", "eu-west-3"));
      return makeRecord(us, "it", latency("us", "us-east-1"));
    },
  },
  "record-cname-alone": {
    says: "conflicts with other records with the same DNS name",
    broken: async ({ eu }) => {
      await makeRecord(eu, "a", { type: "A", records: ["198.51.100.1"] });
      return makeRecord(eu, "cname", {});
    },
    fine: async ({ eu }) => {
      await makeRecord(eu, "a", { type: "A", records: ["198.51.100.1"] });
      return makeRecord(eu, "aaaa", { type: "AAAA", records: ["2001:db8::1"] });
    },
  },
  "record-cname-apex": {
    says: "is not permitted at apex",
    broken: ({ eu }) => makeRecord(eu, "it", { name: "example.org" }),
    fine: ({ eu }) => makeRecord(eu, "it", { name: "meet" }),
  },
  "record-latency-region": {
    says: "Value 'europe' is not facet-valid",
    broken: ({ eu }) => makeRecord(eu, "it", latency("eu", "europe")),
    fine: ({ eu }) => makeRecord(eu, "it", latency("eu", "eu-west-3")),
  },
  "record-region-once": {
    says: "with the same region or failover role already exists",
    broken: async ({ eu, us }) => {
      const policy = { failoverRoutingPolicies: [{ type: "PRIMARY" }] };
      await makeRecord(eu, "it", { setIdentifier: "eu", ...policy });
      return makeRecord(us, "it", { setIdentifier: "us", ...policy });
    },
    fine: async ({ eu, us }) => {
      await makeRecord(eu, "it", {
        setIdentifier: "eu",
        failoverRoutingPolicies: [{ type: "PRIMARY" }],
      });
      return makeRecord(us, "it", {
        setIdentifier: "us",
        failoverRoutingPolicies: [{ type: "SECONDARY" }],
      });
    },
  },
  "record-set-identifier": {
    says: "Missing field 'SetIdentifier'",
    broken: ({ eu }) => makeRecord(eu, "it", { latencyRoutingPolicies: [{ region: "eu-west-3" }] }),
    fine: ({ eu }) => makeRecord(eu, "it", {}),
  },
  "record-values": {
    says: "Expected exactly one of [AliasTarget",
    broken: ({ eu }) => makeRecord(eu, "it", { aliases: [{ name: "a", zoneId: "Z" }] }),
    fine: ({ eu }) =>
      makeRecord(eu, "it", {
        type: "A",
        ttl: null,
        records: null,
        aliases: [{ name: "a.example.net", zoneId: "Z", evaluateTargetHealth: true }],
      }),
  },
  "health-check-exists": {
    says: "A health check with id nothing does not exist.",
    broken: ({ eu }) => makeRecord(eu, "it", { healthCheckId: "nothing" }),
    fine: async ({ eu }) => makeRecord(eu, "it", { healthCheckId: (await check(eu)).id }),
  },
  "health-check-in-use": {
    says: "is a child of a calculated health check",
    broken: async ({ eu }) => {
      const child = await check(eu);
      await calculated(eu, [child.id]);
      return eu.remove(child);
    },
    fine: async ({ eu }) => eu.remove(await check(eu)),
  },
  "health-check-nesting": {
    says: "cannot monitor other calculated health checks",
    broken: async ({ eu }) => {
      const inner = await calculated(eu, [(await check(eu)).id]);
      return calculated(eu, [inner.id]);
    },
    fine: async ({ eu }) => calculated(eu, [(await check(eu)).id]),
  },
  "health-check-settings": {
    says: "RequestInterval 20 must be 10 or 30",
    broken: ({ eu }) => check(eu, { requestInterval: 20 }),
    fine: ({ eu }) => check(eu, { type: "HTTPS_STR_MATCH", searchString: "OK" }),
  },
  "health-check-regions": {
    says: "at least 3 health checker regions are needed",
    broken: ({ eu }) => check(eu, { regions: ["eu-west-1", "us-east-1"] }),
    fine: ({ eu }) => check(eu, { regions: ["eu-west-1", "us-east-1", "sa-east-1"] }),
  },
  "certificate-validated": {
    says: "timeout while waiting for state to become 'ISSUED'",
    broken: async ({ eu }) => validate(eu, await makeCertificate(eu)),
    fine: async ({ eu }) => issue(eu, await makeCertificate(eu)),
  },
  "certificate-in-use": {
    says: "is in use.",
    broken: async ({ eu }) => {
      const certificate = await makeCertificate(eu);
      await issue(eu, certificate);
      const { balancer, target } = await makeBalancer(eu);
      await makeListener(eu, balancer, target, https(certificate.id));
      return eu.remove(certificate);
    },
    fine: async ({ eu }) => eu.remove(await makeCertificate(eu)),
  },
  "listener-certificate-exists": {
    says: "Certificate 'arn:nothing' not found",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target, https("arn:nothing"));
    },
    fine: async ({ eu }) => {
      const certificate = await makeCertificate(eu);
      await issue(eu, certificate);
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target, https(certificate.id));
    },
  },
  "listener-certificate-issued": {
    says: "must have a fully-qualified domain name",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target, https((await makeCertificate(eu)).id));
    },
    fine: async ({ eu }) => {
      const certificate = await makeCertificate(eu);
      await issue(eu, certificate);
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target, https(certificate.id));
    },
  },
  "listener-protocol": {
    says: "A certificate must be specified for HTTPS listeners",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target, { port: 443, protocol: "HTTPS" });
    },
    fine: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu, { loadBalancerType: "network" });
      return makeListener(eu, balancer, target, { port: 3478, protocol: "UDP" });
    },
  },
  "balancer-exists": {
    says: "One or more load balancers not found",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      await eu.remove(balancer);
      return makeListener(eu, balancer, target);
    },
    fine: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target);
    },
  },
  "listener-target-exists": {
    says: "not found",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      await eu.remove(target);
      return makeListener(eu, balancer, target);
    },
    fine: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      return makeListener(eu, balancer, target);
    },
  },
  "target-group-one-balancer": {
    says: "cannot be associated with more than one load balancer",
    broken: async ({ eu }) => {
      const { balancer, target, subnets } = await makeBalancer(eu);
      await makeListener(eu, balancer, target);
      return makeListener(eu, await secondBalancer(eu, subnets), target);
    },
    fine: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      await makeListener(eu, balancer, target);
      return makeListener(eu, balancer, target, { port: 8080 });
    },
  },
  "target-group-in-use": {
    says: "is currently in use by a listener or a rule",
    broken: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      await makeListener(eu, balancer, target);
      return eu.remove(target);
    },
    fine: async ({ eu }) => {
      const { balancer, target } = await makeBalancer(eu);
      await eu.remove(await makeListener(eu, balancer, target));
      await eu.remove(target);
    },
  },
  "balancer-protected": {
    says: "cannot be deleted because deletion protection is enabled",
    broken: async ({ eu }) =>
      eu.remove((await makeBalancer(eu, { enableDeletionProtection: true })).balancer),
    fine: async ({ eu }) => {
      const { balancer } = await makeBalancer(eu, { enableDeletionProtection: true });
      await eu.remove(await eu.update(balancer, { enableDeletionProtection: false }));
    },
  },
  "balancer-two-zones": {
    says: "At least two subnets in two different Availability Zones must be specified",
    broken: async ({ eu }) => secondBalancer(eu, (await makeNetwork(eu)).subnets.slice(0, 1)),
    fine: async ({ eu }) => secondBalancer(eu, (await makeNetwork(eu)).subnets),
  },
  "balancer-name": {
    says: "can have at most 32 letters, digits and hyphens",
    broken: ({ eu }) => makeBalancer(eu, { name: "x".repeat(33) }),
    fine: ({ eu }) => makeBalancer(eu, { name: "x".repeat(32) }),
  },
  "network-balancer-groups": {
    says: "You cannot add security groups to a Network Load Balancer",
    broken: async ({ eu }) => {
      const { balancer, vpc } = await makeBalancer(eu, { loadBalancerType: "network" });
      return eu.update(balancer, {
        securityGroups: [output(vpc, "defaultSecurityGroupId")],
      });
    },
    fine: async ({ eu }) => {
      const { balancer, vpc } = await makeBalancer(eu);
      return eu.update(balancer, {
        securityGroups: [output(vpc, "defaultSecurityGroupId")],
      });
    },
  },
};
