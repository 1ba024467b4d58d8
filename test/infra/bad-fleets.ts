import {
  bad,
  OIDC,
  PRIMARY,
  primary,
  type BadConfiguration,
  type Settings,
} from "./fleet-samples.ts";

const without = (key: string): Settings =>
  Object.fromEntries(Object.entries(PRIMARY).filter(([name]) => name !== key));

/** Faults of what is fleet-wide. */
export const BAD_FLEETS: readonly BadConfiguration[] = [
  bad(
    "a missing domain",
    { eu: without("meet:domain") },
    "Config meet:domain in Pulumi.eu.yaml: missing. Set a domain name in lower case, such as example.org.",
  ),
  primary(
    "a domain in capitals",
    { "meet:domain": "Example.org" },
    "Config meet:domain in Pulumi.eu.yaml: Example.org is not a domain name in lower case. Write one such as example.org.",
  ),
  primary(
    "a domain with a final dot",
    { "meet:domain": "example.org." },
    "Config meet:domain in Pulumi.eu.yaml: example.org. is not a domain name in lower case. Write one such as example.org.",
  ),
  primary(
    "a domain that is a URL",
    { "meet:domain": "https://example.org" },
    "Config meet:domain in Pulumi.eu.yaml: https://example.org is not a domain name in lower case. Write one such as example.org.",
  ),
  primary(
    "a domain outside the zone",
    { "meet:domain": "example.net" },
    "Config meet:dns.zoneName in Pulumi.eu.yaml: example.org does not contain example.net. Name the zone that the fleet's domain lies in.",
  ),
  primary(
    "a domain too long for a certificate",
    {
      "meet:domain": "video-conferences.of-the-ministry-of-long-names.example.org",
    },
    "Config meet:domain in Pulumi.eu.yaml: livekit.eu.video-conferences.of-the-ministry-of-long-names.example.org has 70 characters, and a certificate's name 64 at most. Choose a shorter domain or stack name.",
  ),
  primary(
    "an unknown DNS provider",
    { "meet:dns": { provider: "bind", zoneName: "example.org" } },
    "Config meet:dns.provider in Pulumi.eu.yaml: bind is not one of route53, cloudflare. Choose one of them.",
  ),
  primary(
    "a Cloudflare zone without ids",
    {
      "meet:dns": {
        provider: "cloudflare",
        zoneName: "example.org",
        accountId: "0123456789abcdef0123456789abcdef",
      },
    },
    "Config meet:dns.zoneId in Pulumi.eu.yaml: missing. Set an id of 32 hexadecimal digits, such as 023e105f4ecef8ad9ca31a8372d0c353.",
  ),
  primary(
    "a Cloudflare interval the plan does not allow",
    {
      "meet:dns": {
        provider: "cloudflare",
        zoneName: "example.org",
        zoneId: "0123456789abcdef0123456789abcdef",
        accountId: "0123456789abcdef0123456789abcdef",
        monitorIntervalSeconds: 10,
      },
    },
    "Config meet:dns.monitorIntervalSeconds in Pulumi.eu.yaml: 10 s is shorter than the 15 s of Cloudflare's standard plan. Raise it, or set plan: enterprise if that is yours.",
  ),
  primary(
    "a missing identity provider's address",
    {
      "meet:oidc": {
        clientId: "meet",
        authorizationEndpoint: "https://id.example.org/a",
        tokenEndpoint: "https://id.example.org/t",
        userEndpoint: "https://id.example.org/u",
      },
    },
    "Config meet:oidc.jwksEndpoint in Pulumi.eu.yaml: missing. Set an https URL without user, password or fragment, such as https://id.example.org/token.",
  ),
  primary(
    "an identity provider in plain http",
    {
      "meet:oidc": {
        ...OIDC,
        tokenEndpoint: "http://id.example.org/token",
      },
    },
    "Config meet:oidc.tokenEndpoint in Pulumi.eu.yaml: http://id.example.org/token is not an https URL without user, password or fragment. Write one such as https://id.example.org/token.",
  ),
  primary(
    "scopes without openid",
    { "meet:oidc": { ...OIDC, scopes: "email" } },
    "Config meet:oidc.scopes in Pulumi.eu.yaml: email is not a list of scopes parted by spaces, openid among them. Write one such as openid email.",
  ),
  primary(
    "an unknown signature",
    { "meet:oidc": { ...OIDC, signAlgorithm: "none" } },
    "Config meet:oidc.signAlgorithm in Pulumi.eu.yaml: none is not one of RS256, RS384, RS512, ES256, ES384, PS256, HS256. Choose one of them.",
  ),
  primary(
    "STARTTLS on the TLS port",
    { "meet:mail": { host: "smtp.example.org", from: "meet@example.org", port: 465 } },
    "Config meet:mail.tls in Pulumi.eu.yaml: starttls does not go with port 465. Set tls: tls, or the port that goes with starttls.",
  ),
  primary(
    "TLS on the STARTTLS port",
    { "meet:mail": { host: "smtp.example.org", from: "meet@example.org", tls: "tls" } },
    "Config meet:mail.tls in Pulumi.eu.yaml: tls does not go with port 587. Set tls: starttls, or the port that goes with tls.",
  ),
  primary(
    "a mail password in the clear",
    {
      "meet:mail": {
        host: "smtp.example.org",
        from: "meet@example.org",
        port: 2525,
        tls: "none",
        user: "meet",
      },
    },
    "Config meet:mail.tls in Pulumi.eu.yaml: none would send the password of meet in plain. Set starttls or tls, or leave out user.",
  ),
  primary(
    "a sender that is no address",
    { "meet:mail": { host: "smtp.example.org", from: "Meet" } },
    "Config meet:mail.from in Pulumi.eu.yaml: Meet is not a mail address. Write one such as meet@example.org.",
  ),
  primary(
    "an administrator without address",
    { "meet:administrator": {} },
    "Config meet:administrator.email in Pulumi.eu.yaml: missing. Set a mail address, such as meet@example.org.",
  ),
  primary(
    "a floating version",
    { "meet:versions": { meet: "latest" } },
    "Config meet:versions.meet in Pulumi.eu.yaml: latest is not an exact version (no latest, no range, no digest). Write one such as v1.27.0.",
  ),
  primary(
    "a version range",
    { "meet:versions": { livekit: "^1.13.5" } },
    "Config meet:versions.livekit in Pulumi.eu.yaml: ^1.13.5 is not an exact version (no latest, no range). Write one such as v1.13.5.",
  ),
  primary(
    "a version of two parts",
    { "meet:versions": { egress: "v1.14" } },
    "Config meet:versions.egress in Pulumi.eu.yaml: v1.14 is not an exact version (no latest, no range). Write one such as v1.14.1.",
  ),
  primary(
    "a digest that is cut",
    { "meet:versions": { node: "24.19.0-alpine@sha256:abc" } },
    "Config meet:versions.node in Pulumi.eu.yaml: 24.19.0-alpine@sha256:abc is not an exact version (no latest, no range). Write one such as 24.19.0-bookworm-slim.",
  ),
  primary(
    "recordings kept for ever",
    { "meet:recordings": { expirationDays: 0 } },
    "Config meet:recordings.expirationDays in Pulumi.eu.yaml: 0 is not a whole number from 1 to 3650. Choose one within these bounds.",
  ),
  primary(
    "recordings longer than a node waits",
    { "meet:recordings": { maxDurationMinutes: 3000 } },
    "Config meet:recordings.maxDurationMinutes in Pulumi.eu.yaml: 3000 is not a whole number from 1 to 1440. Choose one within these bounds.",
  ),
  primary(
    "a phone number without quotes",
    { "meet:telephony": { phoneNumber: 33123456789, defaultCountry: "FR" } },
    'Config meet:telephony.phoneNumber in Pulumi.eu.yaml: 33123456789 is a number here, not text. Put it in quotes: "33123456789".',
  ),
];
