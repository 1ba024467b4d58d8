import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { describe, expect, it } from "vitest";
import { Faults } from "../../components/shared/faults.ts";
import { record, value } from "./record.ts";

class Sample extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  constructor(name: string, args: { bad?: boolean }, opts?: pulumi.ComponentResourceOptions) {
    super("meet:test:Sample", name, {}, opts);
    const faults = new Faults("Sample", name);
    faults.when(args.bad === true, "bad is true. Leave it out.");
    faults.when(args.bad === true, "it is still bad. Leave it out twice.");
    faults.throwIfAny(this);
    const secret = new random.RandomPassword(`${name}-secret`, { length: 20 }, { parent: this });
    const bucket = new aws.s3.Bucket(
      name,
      { bucket: "b", tags: { Secret: secret.result } },
      { parent: this, protect: true, ignoreChanges: ["tags"], dependsOn: [secret] },
    );
    this.arn = bucket.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

describe("the recorder", () => {
  it("sees inputs, secrets and the options that mocks hide", async () => {
    const recording = await record(() => new Sample("sample", {}));
    const bucket = recording.one("aws:s3/bucket:Bucket");
    expect(bucket.urn).toBe("urn:pulumi:test::meet::meet:test:Sample$aws:s3/bucket:Bucket::sample");
    expect(bucket.protect).toBe(true);
    expect(bucket.ignoreChanges).toEqual(["tags"]);
    expect(bucket.dependsOn).toContain(
      "urn:pulumi:test::meet::meet:test:Sample$random:index/randomPassword:RandomPassword::sample-secret",
    );
    expect(bucket.inputs["tags"]).toEqual({ Secret: { "[secret]": expect.any(String) as string } });
    expect(await value(recording.result.arn)).toBe("arn:aws:s3:::b");
  });

  it("rejects with all faults of a constructor, naming type and resource", async () => {
    await expect(record(() => new Sample("sample", { bad: true }))).rejects.toThrow(
      'Sample "sample": 2 faults.\n - bad is true. Leave it out.\n - it is still bad. Leave it out twice.',
    );
  });

  it("does not see a resource made inside apply when it records a preview", async () => {
    const program = (): void => {
      const outer = new random.RandomPassword("outer", { length: 20 });
      const inner = (result: string): random.RandomId =>
        new random.RandomId(`inner-${result.length}`, { byteLength: 4 });
      outer.result.apply(inner);
    };
    const preview = await record(program, { preview: true });
    const update = await record(program);
    expect(preview.all.map((item) => item.name)).toEqual(["outer"]);
    expect(update.all.map((item) => item.name)).toEqual(["outer", "inner-20"]);
  });

  it("refuses a provider function it has no answer for", async () => {
    await expect(record(() => aws.ec2.getAmi({ owners: ["self"] }))).rejects.toThrow(
      "no answer for the provider function aws:ec2/getAmi:getAmi",
    );
  });
});
