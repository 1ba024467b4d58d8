import { aws, byInput, fixed, input } from "./define.ts";

/** CloudWatch types. */
export const logTypes = [
  aws(
    "cloudwatch/logGroup:LogGroup",
    "CloudWatch Logs Log Group",
    ["CloudWatch Logs", "LogGroup"],
    {
      replaceOn: ["name", "namePrefix", "logGroupClass"],
      id: byInput("name"),
      computed: {
        arn: (c) => c.arn("logs", `log-group:${input(c, "name")}`),
        logGroupClass: fixed("STANDARD"),
      },
      autoname: { key: "name", maxLength: 512 },
      unique: {
        key: byInput("name"),
        errorCode: "ResourceAlreadyExistsException",
        status: 400,
        message: () => "The specified log group already exists",
      },
      hasTags: true,
    },
  ),
  aws(
    "cloudwatch/metricAlarm:MetricAlarm",
    "CloudWatch Metric Alarm",
    ["CloudWatch", "MetricAlarm"],
    {
      replaceOn: ["name"],
      id: byInput("name"),
      computed: { arn: (c) => c.arn("cloudwatch", `alarm:${input(c, "name")}`) },
      autoname: { key: "name", maxLength: 255 },
      hasTags: true,
    },
  ),
];
