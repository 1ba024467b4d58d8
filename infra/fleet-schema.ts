import { z } from "zod";
import {
  chosenBy,
  domainField,
  emailField,
  httpsField,
  listOf,
  oneOf,
  section,
  text,
  tagField,
  versionField,
  whole,
} from "./config-fields.ts";
import { placementSchema } from "./placement-schema.ts";
import { secretsSchema } from "./secrets-schema.ts";
import { DEFAULT_VERSIONS } from "./sizes.ts";
import { storageSchema } from "./storage-schema.ts";
import { storesSchema } from "./stores-schema.ts";

const cloudflareId = () =>
  text("an id of 32 hexadecimal digits", "023e105f4ecef8ad9ca31a8372d0c353", /^[0-9a-f]{32}$/);

/** Shortest monitor interval by plan (Cloudflare docs, load-balancing/reference/limitations). */
const SHORTEST_INTERVAL_SECONDS = { standard: 15, enterprise: 10 } as const;

const dns = z.discriminatedUnion(
  "provider",
  [
    section({ provider: z.literal("route53"), zoneName: domainField() }),
    section({
      provider: z.literal("cloudflare"),
      zoneId: cloudflareId(),
      accountId: cloudflareId(),
      zoneName: domainField(),
      plan: oneOf(["standard", "enterprise"]).default("standard"),
      monitorIntervalSeconds: whole(10, 3600).default(15),
    }).superRefine(({ plan, monitorIntervalSeconds }, context) => {
      const shortest = SHORTEST_INTERVAL_SECONDS[plan];
      if (monitorIntervalSeconds < shortest) {
        context.addIssue({
          code: "custom",
          path: ["monitorIntervalSeconds"],
          message: `${monitorIntervalSeconds} s is shorter than the ${shortest} s of Cloudflare's ${plan} plan. Raise it, or set plan: enterprise if that is yours.`,
        });
      }
    }),
  ],
  { error: chosenBy("provider", ["route53", "cloudflare"]) },
);

const SIGN_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "HS256"] as const;

const oidc = section({
  issuerName: text("a name of 1 to 100 characters", "Example ID", /^.{1,100}$/).exactOptional(),
  clientId: text("a client id", "meet", /^\S{1,255}$/),
  authorizationEndpoint: httpsField(),
  tokenEndpoint: httpsField(),
  userEndpoint: httpsField(),
  jwksEndpoint: httpsField(),
  logoutEndpoint: httpsField().exactOptional(),
  scopes: text(
    "a list of scopes parted by spaces, openid among them",
    "openid email",
    (value) => /^[\w:./-]+( [\w:./-]+)*$/.test(value) && value.split(" ").includes("openid"),
  ).default("openid email"),
  signAlgorithm: oneOf(SIGN_ALGORITHMS).default("RS256"),
});

const mail = section({
  host: domainField(),
  port: whole(1, 65535).default(587),
  user: text("a user name", "meet", /^\S{1,255}$/).exactOptional(),
  from: emailField(),
  tls: oneOf(["starttls", "tls", "none"]).default("starttls"),
  brandName: text("a name of 1 to 100 characters", "Example Meet", /^.{1,100}$/).default("Meet"),
  supportEmail: emailField().exactOptional(),
}).superRefine(({ port, tls, user }, context) => {
  // 465 speaks TLS from the first byte (RFC 8314); 25 and 587 begin in plain and turn to TLS by STARTTLS.
  const needed = port === 465 ? "tls" : port === 25 || port === 587 ? "starttls" : tls;
  if (tls !== needed && !(tls === "none" && port === 25)) {
    context.addIssue({
      code: "custom",
      path: ["tls"],
      message: `${tls} does not go with port ${port}. Set tls: ${needed}, or the port that goes with ${tls}.`,
    });
  } else if (tls === "none" && user !== undefined) {
    context.addIssue({
      code: "custom",
      path: ["tls"],
      message: `none would send the password of ${user} in plain. Set starttls or tls, or leave out user.`,
    });
  }
});

const versions = section({
  meet: tagField("v1.27.0").default(DEFAULT_VERSIONS.meet),
  livekit: versionField("v1.13.5").default(DEFAULT_VERSIONS.livekit),
  egress: versionField("v1.14.1").default(DEFAULT_VERSIONS.egress),
  node: versionField("24.19.0-bookworm-slim").default(DEFAULT_VERSIONS.node),
  clusterProportionalAutoscaler: versionField("v1.10.3").default(
    DEFAULT_VERSIONS.clusterProportionalAutoscaler,
  ),
  nodeTerminationHandler: versionField("v1.25.3").default(DEFAULT_VERSIONS.nodeTerminationHandler),
});

const recordings = section({
  expirationDays: whole(1, 3650).default(90),
  // A node that records is given this long before it ends; an autoscaling group waits 48 hours at most
  // (EC2 Auto Scaling user guide, lifecycle-hooks).
  maxDurationMinutes: whole(1, 1440).default(240),
  storage: storageSchema,
});

/** Generations of a secret: one, or two in the middle of a rotation. */
const makes = () => listOf(whole(1, 1000), "generations");

/** Of which makes the secrets are that a promotion hands over: that which signs, then that which is accepted as well. */
export const handedOverMakesSchema = section({
  livekitKeys: makes(),
  peer: makes(),
  operator: makes(),
  django: makes().default([1]),
  database: makes().default([1]),
});

/** What is written once, in the primary's file. */
export const fleetSchema = z.object({
  "meet:domain": domainField(),
  "meet:dns": dns,
  "meet:oidc": oidc,
  "meet:mail": mail,
  "meet:administrator": section({ email: emailField() }).exactOptional(),
  "meet:versions": versions.prefault({}),
  "meet:recordings": recordings.prefault({}),
  "meet:stores": storesSchema,
  "meet:placement": placementSchema.prefault({}),
  "meet:secrets": secretsSchema.prefault({}),
  "meet:promotion": section({
    epoch: whole(2, 100_000),
    from: text("the stack that was the primary before", "eu", /^[a-z][a-z0-9-]{0,19}$/),
    makes: handedOverMakesSchema,
  }).exactOptional(),
  "meet:telephony": section({
    phoneNumber: text("a phone number in quotes", '"+33123456789"', /^\+[1-9]\d{6,14}$/),
    defaultCountry: text("a country code", "FR", /^[A-Z]{2}$/),
  }).exactOptional(),
});

/** The keys that belong in the primary's file and in no other. */
export const fleetKeys = Object.keys(fleetSchema.shape);
