import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { plainRecord, type MadeRecord } from "../dns/record.ts";
import type { DnsZone } from "../shared/dns-zone.ts";
import { Faults } from "../shared/faults.ts";
import { named, type Tags } from "../shared/tags.ts";

/** Part of every URN beneath it: never change without an alias. */
export const CERTIFICATE_TYPE = "meet:edge:Certificate";

export interface CertificateArgs {
  /** A name of this region alone; its validation record belongs to this stack. */
  readonly domainName: string;
  /** Names that other regions' certificates carry too. ACM asks for the same validation record in all of them. */
  readonly sharedNames: readonly string[];
  /** True in the primary: exactly one stack owns the validation records of the shared names. */
  readonly ownsSharedRecords: boolean;
  readonly zone: DnsZone;
  readonly tags: Tags;
}

/** Validation records stay as long as the certificate, which ACM renews by them; nothing gains from a short TTL. */
const VALIDATION_TTL_SECONDS = 300;

/**
 * A certificate of ACM in this region, validated through DNS and renewed by ACM for as long as the records exist.
 * Creates the certificate, a validation record for each name this stack owns, and the wait for its issue.
 *
 * The validation record of a shared name (`livekit.<domain>`) is the same in every region, so only the primary's stack
 * owns it. It is kept on delete, because the other regions renew by it, and adopted by whoever is promoted.
 */
export class Certificate extends pulumi.ComponentResource {
  /** Known once the certificate is issued, so that whatever uses it can. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super(CERTIFICATE_TYPE, name, {}, opts);
    validate(this, name, args);
    const certificate = new aws.acm.Certificate(
      name,
      {
        domainName: args.domainName,
        ...(args.sharedNames.length === 0
          ? {}
          : { subjectAlternativeNames: [...args.sharedNames] }),
        validationMethod: "DNS",
        tags: named(args.tags, name),
      },
      { parent: this },
    );
    const own = { parent: this };
    // Kept: the certificates of the other regions renew by it.
    const kept = { parent: this, retainOnDelete: true };
    const shared = args.ownsSharedRecords ? args.sharedNames : [];
    const records = [
      validationRecord(`${name}-validation`, certificate, args, args.domainName, own),
      ...shared.map((domain) =>
        validationRecord(`${name}-validation-${label(domain)}`, certificate, args, domain, kept),
      ),
    ];
    const validation = new aws.acm.CertificateValidation(
      name,
      { certificateArn: certificate.arn },
      // Not validationRecordFqdns: the provider compares them with all names of the certificate, and those of the
      // shared names may belong to another stack. Waiting for a certificate without its records takes 75 minutes.
      { parent: this, dependsOn: records.flatMap((record) => record.resources) },
    );
    this.arn = validation.certificateArn;
    this.registerOutputs({ arn: this.arn });
  }
}

function validationRecord(
  name: string,
  certificate: aws.acm.Certificate,
  args: CertificateArgs,
  domain: string,
  opts: pulumi.CustomResourceOptions,
): MadeRecord {
  // By name: ACM does not promise an order.
  const option = certificate.domainValidationOptions.apply((options) =>
    options.find(({ domainName }) => domainName === domain),
  );
  return plainRecord(
    name,
    {
      zone: args.zone,
      host: option.apply((found) => found?.resourceRecordName ?? ""),
      type: "CNAME",
      values: [option.apply((found) => found?.resourceRecordValue ?? "")],
      ttlSeconds: VALIDATION_TTL_SECONDS,
      // ACM asks for the same record whenever a name is requested, so one may be left from an earlier certificate.
      adopt: true,
    },
    opts,
  );
}

/** The first label of a name: unique among the shared names, and stable as a key. */
function label(domain: string): string {
  return domain.split(".")[0] ?? domain;
}

/** ACM: a name in a certificate's subject has at most 64 characters, and each label 63. */
const MAX_SUBJECT = 64;

const DNS_NAME =
  /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

function validate(resource: pulumi.Resource, name: string, args: CertificateArgs): void {
  const { domainName, sharedNames, zone } = args;
  const names = [domainName, ...sharedNames];
  const faults = new Faults("Certificate", name);
  for (const host of names) {
    faults.when(
      !DNS_NAME.test(host),
      `"${host}" is no DNS name. Use lower-case labels of letters, digits and hyphens.`,
    );
    faults.when(
      host !== zone.zoneName && !host.endsWith(`.${zone.zoneName}`),
      `"${host}" is not in the zone "${zone.zoneName}", where it would be validated. Use a name in that zone.`,
    );
  }
  faults.when(
    domainName.length > MAX_SUBJECT,
    `"${domainName}" has ${domainName.length} characters, a certificate's first name may have ${MAX_SUBJECT}. Use a shorter domain.`,
  );
  faults.when(
    new Set(names).size < names.length,
    `a name occurs twice in ${names.join(", ")}. Name each once.`,
  );
  faults.when(
    new Set(sharedNames.map(label)).size < sharedNames.length &&
      new Set(names).size === names.length,
    `the shared names ${sharedNames.join(", ")} begin with the same label, which names their records. Use one certificate for each.`,
  );
  faults.throwIfAny(resource);
}
