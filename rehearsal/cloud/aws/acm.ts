import { digest } from "../naming.ts";
import type { Making } from "../model.ts";
import { text, texts } from "../values.ts";
import { aws, fixed, input } from "./define.ts";

/**
 * The validation record of a name. ACM makes it from the name and the account, not from the region: certificates of
 * two regions ask for the same record (docs.aws.amazon.com/acm/latest/userguide/dns-validation.html).
 */
function validationRecord(c: Making, domainName: string) {
  const bare = domainName.replace(/^\*\./, "");
  return {
    domainName,
    resourceRecordName: `_${digest(`name ${c.accountId} ${bare}`, 32)}.${bare}.`,
    resourceRecordType: "CNAME",
    resourceRecordValue: `_${digest(`value ${c.accountId} ${bare}`, 32)}.acm-validations.aws.`,
  };
}

/** ACM types. */
export const acmTypes = [
  aws("acm/certificate:Certificate", "ACM Certificate", ["ACM", "Certificate"], {
    replaceOn: ["domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm"],
    id: (c) =>
      c.arn("acm", `certificate/${c.hex(8)}-${c.hex(4)}-4${c.hex(3)}-a${c.hex(3)}-${c.hex(12)}`),
    computed: {
      arn: (c) => c.id,
      status: fixed("PENDING_VALIDATION"),
      type: fixed("AMAZON_ISSUED"),
      domainValidationOptions: (c) =>
        [...new Set([input(c, "domainName"), ...texts(c.inputs, "subjectAlternativeNames")])].map(
          (name) => validationRecord(c, name),
        ),
      validationEmails: fixed([]),
      notBefore: fixed(""),
      notAfter: fixed(""),
      keyAlgorithm: fixed("RSA_2048"),
      renewalEligibility: fixed("INELIGIBLE"),
      pendingRenewal: fixed(false),
      renewalSummaries: fixed([]),
    },
    hasTags: true,
  }),
  aws(
    "acm/certificateValidation:CertificateValidation",
    "ACM Certificate Validation",
    ["ACM", "Certificate"],
    {
      replaceOn: ["certificateArn", "validationRecordFqdns"],
      id: (c) => `${input(c, "certificateArn")} issued`,
      onDone: (cloud, op, thing) => {
        const arn = text(thing.state, "certificateArn");
        if (op === "create" && arn !== undefined) {
          cloud.alter(
            "aws:acm/certificate:Certificate",
            arn,
            {},
            {
              status: "ISSUED",
              notBefore: "2026-01-01T00:00:00Z",
              notAfter: "2027-01-31T23:59:59Z",
              renewalEligibility: "ELIGIBLE",
            },
          );
        }
      },
    },
  ),
];
