import { describe, expect, it } from "vitest";
import { isStandardFamily, machineGroups, virtualCpus } from "../../plan/machines.ts";
import { quotaNeeds } from "../../plan/quotas.ts";
import { group, resource } from "./resources.ts";

describe("The vCPUs of an instance type", () => {
  it.each([
    ["t3.medium", 2],
    ["t3.large", 2],
    ["t4g.xlarge", 4],
    ["c7g.medium", 1],
    ["m7i.large", 2],
    ["c7i.xlarge", 4],
    ["c7i.4xlarge", 16],
    ["m7i-flex.8xlarge", 32],
    ["c7i.metal", undefined],
    ["nonsense", undefined],
  ])("%s: %s", (type, cpus) => {
    expect(virtualCpus(type)).toBe(cpus);
  });

  it.each([
    ["c7i.large", true],
    ["t3.large", true],
    ["im4gn.large", true],
    ["g5.xlarge", false],
    ["p4d.24xlarge", false],
    ["inf2.xlarge", false],
  ])("%s counts as a Standard instance: %s", (type, standard) => {
    expect(isStandardFamily(type)).toBe(standard);
  });
});

describe("The quotas", () => {
  const machines = group("media-nodes", { instanceType: "c7i.xlarge", min: 1, max: 3 });
  const addresses = [1, 2, 3].map((index) => resource("aws:ec2/eip:Eip", `e${index}`));

  it("count vCPUs at the largest scale, and no spot instances", () => {
    const spot = resource("aws:eks/nodeGroup:NodeGroup", "spot", {
      capacityType: "SPOT",
      instanceTypes: ["c7i.xlarge"],
      scalingConfig: { minSize: 0, maxSize: 9 },
    });
    const needs = quotaNeeds([
      { stack: "eu", awsRegion: "eu-west-3", resources: [...machines, spot] },
    ]).get("eu");
    expect(needs).toMatchObject([
      { code: "L-1216C47A", scope: "eu-west-3", needed: 12, exceedsDefault: true },
    ]);
  });

  it("add up stacks that share an AWS region, and no others", () => {
    const needs = quotaNeeds([
      { stack: "a", awsRegion: "eu-west-3", resources: addresses },
      { stack: "b", awsRegion: "eu-west-3", resources: addresses },
      { stack: "c", awsRegion: "us-east-1", resources: addresses },
    ]);
    expect(needs.get("a")).toMatchObject([{ needed: 3, neededByFleet: 6, exceedsDefault: true }]);
    expect(needs.get("c")).toMatchObject([{ needed: 3, neededByFleet: 3, exceedsDefault: false }]);
  });

  it("count a resource where its own region input says it is", () => {
    const there = resource("aws:ec2/eip:Eip", "e", { region: "us-east-1" });
    const needs = quotaNeeds([{ stack: "a", awsRegion: "eu-west-3", resources: [there] }]);
    expect(needs.get("a")).toMatchObject([{ scope: "us-east-1", needed: 1 }]);
  });

  it("count health checks for the whole account, and balancers by kind", () => {
    const check = resource("aws:route53/healthCheck:HealthCheck", "h");
    const balancers = ["network", "application"].map((loadBalancerType) =>
      resource("aws:lb/loadBalancer:LoadBalancer", loadBalancerType, { loadBalancerType }),
    );
    const needs = quotaNeeds([
      { stack: "a", awsRegion: "eu-west-3", resources: [check, ...balancers] },
      { stack: "b", awsRegion: "us-east-1", resources: [check] },
    ]).get("a");
    expect(needs?.map(({ code, scope, neededByFleet }) => [code, scope, neededByFleet])).toEqual([
      ["L-53DA6B97", "eu-west-3", 1],
      ["L-69A177A2", "eu-west-3", 1],
      ["L-ACB674F3", "account", 2],
    ]);
  });
});

describe("A group of machines", () => {
  it("finds the launch template beside it when it depends on none", () => {
    const parent = "urn:parent";
    const template = resource(
      "aws:ec2/launchTemplate:LaunchTemplate",
      "t",
      { instanceType: "m7i.large" },
      { parent },
    );
    const own = resource(
      "aws:autoscaling/group:Group",
      "g",
      { minSize: 1, maxSize: 2 },
      { parent },
    );
    expect(machineGroups([template, own])).toMatchObject([
      { instanceType: "m7i.large", min: 1, max: 2, diskGib: 20, publicAddress: false },
    ]);
  });

  it("is of an unknown type when there is no template", () => {
    const own = resource("aws:autoscaling/group:Group", "g", { minSize: 1 });
    expect(machineGroups([own])).toMatchObject([{ instanceType: "unknown", min: 1, max: 1 }]);
  });
});
