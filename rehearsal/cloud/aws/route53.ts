import type { Making } from "../model.ts";
import { flag, text } from "../values.ts";
import { fixed, globalAws, input } from "./define.ts";

/** The full name of a record, without a dot at its end: the provider appends the zone's name where it lacks. */
export function recordName(c: Pick<Making, "cloud" | "inputs">): string {
  const name = (text(c.inputs, "name") ?? "").replace(/\.$/, "").toLowerCase();
  const zone = c.cloud.find("aws:route53/zone:Zone", text(c.inputs, "zoneId"));
  const zoneName = text(zone?.state, "name")?.replace(/\.$/, "");
  if (zoneName === undefined || name === zoneName || name.endsWith(`.${zoneName}`)) {
    return name;
  }
  return name === "" ? zoneName : `${name}.${zoneName}`;
}

/** Route 53 types: global. */
export const route53Types = [
  globalAws("route53/zone:Zone", "Route 53 Hosted Zone", ["Route 53", "HostedZone"], {
    replaceOn: ["name", "delegationSetId"],
    id: (c) => `Z${c.hex(20).toUpperCase()}`,
    computed: {
      zoneId: (c) => c.id,
      arn: (c) => `arn:aws:route53:::hostedzone/${c.id}`,
      nameServers: (c) =>
        ["org", "com", "net", "co.uk"].map(
          (end) => `ns-${c.digits(3)}.awsdns-${c.digits(2)}.${end}`,
        ),
      comment: fixed("Managed by Pulumi"),
    },
    hasTags: true,
  }),
  globalAws("route53/record:Record", "Route 53 Record", ["Route 53", "ResourceRecordSets"], {
    replaceOn: ["zoneId", "name", "type", "setIdentifier"],
    id: (c) =>
      [
        input(c, "zoneId"),
        input(c, "name").toLowerCase(),
        input(c, "type"),
        input(c, "setIdentifier"),
      ]
        .filter((part) => part !== "")
        .join("_"),
    computed: { fqdn: recordName },
    mayOverwrite: (inputs) => flag(inputs, "allowOverwrite"),
  }),
  globalAws(
    "route53/healthCheck:HealthCheck",
    "Route 53 Health Check",
    ["Route 53", "HealthCheck"],
    {
      replaceOn: [
        "type",
        "requestInterval",
        "measureLatency",
        "referenceName",
        "routingControlArn",
        "triggers",
      ],
      id: (c) => `${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}`,
      computed: {
        arn: (c) => `arn:aws:route53:::healthcheck/${c.id}`,
        enableSni: (c) => input(c, "type").startsWith("HTTPS"),
        failureThreshold: fixed(3),
        requestInterval: fixed(30),
      },
      hasTags: true,
    },
  ),
];
