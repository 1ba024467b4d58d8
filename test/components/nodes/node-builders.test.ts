import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  drainFaults,
  HEARTBEAT_TIMEOUT_SECONDS,
  waitSeconds,
} from "../../../components/nodes/drain.ts";
import { architectureOf, isInstanceType } from "../../../components/nodes/instance-type.ts";
import { imageParameter } from "../../../components/nodes/node-pool.ts";
import { portFaults, portRange, type OpenPort } from "../../../components/nodes/open-port.ts";
import {
  bytesPerMinute,
  scalingFaults,
  targetTracking,
  type Scaling,
} from "../../../components/nodes/scaling.ts";
import { nodeUserData } from "../../../components/nodes/user-data.ts";

const port = (protocol: "tcp" | "udp", from: number, to = from): OpenPort => ({
  protocol,
  from,
  to,
  description: "test",
});

describe("an instance type's architecture", () => {
  it.each([
    ["m7g.large", "arm64"],
    ["t4g.medium", "arm64"],
    ["c7gn.xlarge", "arm64"],
    ["im4gn.large", "arm64"],
    ["x2gd.medium", "arm64"],
    ["a1.large", "arm64"],
    ["m7i.large", "x86_64"],
    ["c6in.2xlarge", "x86_64"],
    ["g5.xlarge", "x86_64"],
    ["g4dn.xlarge", "x86_64"],
    ["gr6.4xlarge", "x86_64"],
    ["m7a.medium", "x86_64"],
  ])("of %s is %s", (instanceType, architecture) => {
    expect(architectureOf(instanceType)).toBe(architecture);
  });

  it.each(["m7i.large", "u7i-12tb.224xlarge", "m7i-flex.large", "c7g.metal"])(
    "knows %s",
    (type) => {
      expect(isInstanceType(type)).toBe(true);
    },
  );

  it.each(["large", "m7i", "M7i.large", ".large", "m7i.", "m7i large"])("refuses %j", (type) => {
    expect(isInstanceType(type)).toBe(false);
  });
});

describe("the image of a node", () => {
  it("is a parameter that EC2 resolves at launch", () => {
    expect(imageParameter("1.34", "c7i.xlarge")).toBe(
      "resolve:ssm:/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id",
    );
    expect(imageParameter("1.33", "c7g.xlarge")).toContain("/1.33/amazon-linux-2023/arm64/");
  });
});

describe("open ports", () => {
  it("are written as Linux writes ranges", () => {
    expect(portRange(port("udp", 7882, 7913))).toBe("7882-7913");
    expect(portRange(port("tcp", 7881))).toBe("7881");
  });

  it.each([
    [port("tcp", 443), "openPorts tcp 443-443 is no range within 1024-65535. Correct from and to."],
    [
      port("udp", 60000, 70000),
      "openPorts udp 60000-70000 is no range within 1024-65535. Correct from and to.",
    ],
    [
      port("udp", 7913, 7882),
      "openPorts udp 7913-7882 is no range within 1024-65535. Correct from and to.",
    ],
    [
      port("udp", 7882.5, 7913),
      "openPorts udp 7882.5-7913 is no range within 1024-65535. Correct from and to.",
    ],
  ])("%j is refused", (bad, sentence) => {
    expect(portFaults([bad])).toEqual([sentence]);
  });

  it("may not overlap within a protocol, and may between two", () => {
    expect(portFaults([port("udp", 7882, 7913), port("udp", 7900)])).toEqual([
      "openPorts udp 7900 overlaps another range. Keep one of them.",
    ]);
    expect(portFaults([port("udp", 7882, 7913), port("tcp", 7900)])).toEqual([]);
  });
});

describe("a scaling target", () => {
  it("counts bytes in a minute", () => {
    expect(bytesPerMinute(8)).toBe(60_000_000);
    expect(bytesPerMinute(1000)).toBe(7_500_000_000);
  });

  it.each<[Scaling, "manual" | "automatic", object]>([
    [
      { metric: "networkOut", mbps: 800 },
      "manual",
      {
        predefinedMetricSpecification: { predefinedMetricType: "ASGAverageNetworkOut" },
        targetValue: 6_000_000_000,
        disableScaleIn: true,
      },
    ],
    [
      { metric: "cpu", percent: 50 },
      "automatic",
      {
        predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
        targetValue: 50,
        disableScaleIn: false,
      },
    ],
  ])("of %j, %s", (scaling, scaleIn, expected) => {
    expect(targetTracking(scaling, scaleIn)).toEqual(expected);
  });

  it.each<[Scaling, string]>([
    [
      { metric: "networkOut", mbps: 0 },
      "scaling.mbps 0 is not above 0. Use about half of what an instance can send.",
    ],
    [{ metric: "cpu", percent: 0 }, "scaling.percent 0 is outside 1-100. Use about 50."],
    [{ metric: "cpu", percent: 101 }, "scaling.percent 101 is outside 1-100. Use about 50."],
  ])("%j is refused", (scaling, sentence) => {
    expect(scalingFaults(scaling)).toEqual([sentence]);
  });
});

describe("a drain", () => {
  it("is waited for longer than the pods may take, within AWS's 48 hours", () => {
    expect(waitSeconds(18_000)).toBe(18_300);
    expect(drainFaults(172_500)).toEqual([]);
    expect(waitSeconds(172_500)).toBe(172_800);
    // The other half of AWS's global limit: a hundred heartbeat timeouts.
    expect(100 * HEARTBEAT_TIMEOUT_SECONDS).toBeGreaterThan(172_800);
  });

  it.each([59, 172_501, 3600.5])("of %d seconds is refused", (seconds) => {
    expect(drainFaults(seconds)).toEqual([
      `drainSeconds ${seconds} is outside 60-172500: AWS keeps no ending instance longer than 48 hours. Choose a time inside.`,
    ]);
  });
});

describe("a node's user data", () => {
  const facts = {
    clusterName: "meet-eu",
    endpoint: "https://abc.eks.amazonaws.com",
    certificateAuthority: "Q0E=".repeat(300),
  };

  it("is a NodeConfig with the label and taint of its role", () => {
    const written = nodeUserData({ ...facts, role: "egress", openPorts: [] });
    const [head, config, rest] = written.split("--meet-node\n").concat("");
    expect(head).toBe('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="meet-node"\n\n');
    expect(rest).toBe("");
    const [type, body] = (config ?? "").split("\n\n");
    expect(type).toBe("Content-Type: application/node.eks.aws");
    expect(parse((body ?? "").replace("--meet-node--\n", ""))).toEqual({
      apiVersion: "node.eks.aws/v1alpha1",
      kind: "NodeConfig",
      spec: {
        cluster: {
          name: "meet-eu",
          apiServerEndpoint: facts.endpoint,
          certificateAuthority: facts.certificateAuthority,
          cidr: "172.20.0.0/16",
        },
        kubelet: {
          flags: [
            "--node-labels=meet/role=egress",
            "--register-with-taints=meet/role=egress:NoSchedule",
          ],
        },
      },
    });
    expect(written.endsWith("\n--meet-node--\n")).toBe(true);
  });

  it("keeps media's ports free and its buffers large, beside the ports that the image reserves", () => {
    const written = nodeUserData({
      ...facts,
      role: "media",
      openPorts: [port("udp", 50000, 60000), port("tcp", 7881)],
    });
    expect(written).toContain(
      'Content-Type: text/x-shellscript; charset="us-ascii"\n\n#!/bin/bash\n',
    );
    expect(written).toContain(
      "net.ipv4.ip_local_reserved_ports = ${reserved:+${reserved},}50000-60000,7881\n",
    );
    expect(written).toContain("net.core.rmem_max = 16777216\n");
    expect(written.split("--meet-node\n")).toHaveLength(3);
  });
});
