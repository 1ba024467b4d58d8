import { describe, expect, it } from "vitest";
import {
  parseExport,
  pendingCreates,
  resolvePendingCreates,
} from "../../script/pending-creates.ts";

const VPC = "urn:pulumi:eu::meet::aws:ec2/vpc:Vpc::network";
const SUBNET = "urn:pulumi:eu::meet::aws:ec2/subnet:Subnet::network-a";
const OLD = "urn:pulumi:eu::meet::aws:s3/bucket:Bucket::recordings";

const resource = (urn: string) => ({ urn, type: urn.split("::")[2] ?? "", inputs: { of: urn } });

const STATE = parseExport(
  "state.json",
  JSON.stringify({
    version: 3,
    deployment: {
      manifest: { version: "3" },
      resources: [{ ...resource(OLD), id: "recordings" }],
      pending_operations: [
        { type: "creating", resource: resource(VPC) },
        { type: "creating", resource: resource(SUBNET) },
        { type: "updating", resource: resource(OLD) },
      ],
    },
  }),
);

const resolve = (exists: Record<string, string>, missing: string[]) => () =>
  resolvePendingCreates(STATE, { exists: new Map(Object.entries(exists)), missing });

describe("pending creates", () => {
  it("are listed without other operations", () => {
    expect(pendingCreates(STATE)).toEqual([VPC, SUBNET]);
  });

  it("become resources with their ids where they exist, and go where they do not", () => {
    expect(resolve({ [VPC]: "vpc-1" }, [SUBNET])()).toEqual({
      version: 3,
      deployment: {
        manifest: { version: "3" },
        resources: [
          { ...resource(OLD), id: "recordings" },
          { ...resource(VPC), id: "vpc-1" },
        ],
        pending_operations: [{ type: "updating", resource: resource(OLD) }],
      },
    });
  });

  it.each([
    {
      name: "one that nobody decided",
      act: resolve({ [VPC]: "vpc-1" }, []),
      says: `Pending create "${SUBNET}": not decided. Look for it, and pass --exists or --missing.`,
    },
    {
      name: "one that is not there",
      act: resolve({ [VPC]: "vpc-1" }, [SUBNET, OLD]),
      says: `URN "${OLD}": no pending create of this state. Take it out.`,
    },
    {
      name: "one that is said to be both",
      act: resolve({ [VPC]: "vpc-1" }, [SUBNET, VPC]),
      says: `Pending create "${VPC}": said to exist and to be missing. Keep one of the two.`,
    },
    {
      name: "a file that is no state",
      act: () => parseExport("notes.txt", "hello"),
      says: 'File "notes.txt": it is not an exported state. Write it with pulumi stack export --file notes.txt.',
    },
  ])("are refused: $name", ({ act, says }) => {
    expect(act).toThrow(new Error(says));
  });
});
