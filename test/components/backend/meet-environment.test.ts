import { describe, expect, it } from "vitest";
import {
  meetEnvironment,
  meetValkeyUrl,
  ROOM_NAME_PATTERN,
  type MeetSettings,
} from "../../../components/backend/meet-environment.ts";

const SETTINGS: MeetSettings = {
  domain: "example.org",
  regionalHost: "meet.eu.example.org",
  livekitUrl: "https://livekit.example.org",
  oidc: {
    clientId: "meet",
    authorizationEndpoint: "https://id.example.org/auth",
    tokenEndpoint: "https://id.example.org/token",
    userEndpoint: "https://id.example.org/userinfo",
    jwksEndpoint: "https://id.example.org/jwks",
    logoutEndpoint: "https://id.example.org/logout",
    scopes: "openid email",
    signAlgorithm: "RS256",
  },
  mail: {
    host: "smtp.example.org",
    port: 587,
    user: "meet",
    from: "meet@example.org",
    tls: "starttls",
    brandName: "Example",
    supportEmail: "help@example.org",
  },
  bucket: { kind: "aws", name: "recordings-eu", awsRegion: "eu-west-3" },
  recordings: { expirationDays: 90, maxDurationMinutes: 120 },
  workers: 3,
};

describe("Meet's environment", () => {
  it("is exactly this for a full set of settings", () => {
    expect(meetEnvironment(SETTINGS)).toEqual({
      DJANGO_CONFIGURATION: "Production",
      DJANGO_SETTINGS_MODULE: "meet.settings",
      DJANGO_ALLOWED_HOSTS: "meet.example.org,meet.eu.example.org",
      DJANGO_CSRF_TRUSTED_ORIGINS: "https://meet.example.org",
      DJANGO_SECRET_KEY_FILE: "/etc/meet/secrets/DJANGO_SECRET_KEY",
      GUNICORN_CMD_ARGS: "--workers=3 --worker-tmp-dir=/tmp --no-control-socket",
      CELERY_ENABLED: "True",
      CELERY_TASK_DEFAULT_QUEUE: "meet-backend",
      OIDC_RP_CLIENT_ID: "meet",
      OIDC_RP_CLIENT_SECRET_FILE: "/etc/meet/secrets/OIDC_RP_CLIENT_SECRET",
      OIDC_RP_SIGN_ALGO: "RS256",
      OIDC_RP_SCOPES: "openid email",
      OIDC_OP_AUTHORIZATION_ENDPOINT: "https://id.example.org/auth",
      OIDC_OP_TOKEN_ENDPOINT: "https://id.example.org/token",
      OIDC_OP_USER_ENDPOINT: "https://id.example.org/userinfo",
      OIDC_OP_JWKS_ENDPOINT: "https://id.example.org/jwks",
      OIDC_OP_LOGOUT_ENDPOINT: "https://id.example.org/logout",
      OIDC_REDIRECT_ALLOWED_HOSTS: "meet.example.org",
      OIDC_REDIRECT_REQUIRE_HTTPS: "True",
      LOGIN_REDIRECT_URL: "https://meet.example.org",
      LOGIN_REDIRECT_URL_FAILURE: "https://meet.example.org",
      LOGOUT_REDIRECT_URL: "https://meet.example.org",
      LIVEKIT_API_URL: "https://livekit.example.org",
      LIVEKIT_API_KEY_FILE: "/etc/meet/secrets/LIVEKIT_API_KEY",
      LIVEKIT_API_SECRET_FILE: "/etc/meet/secrets/LIVEKIT_API_SECRET",
      LIVEKIT_VERIFY_SSL: "True",
      LIVEKIT_FORCE_WSS_PROTOCOL: "True",
      LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
      ALLOW_UNREGISTERED_ROOMS: "False",
      EXTERNAL_API_ENABLED: "False",
      ROOM_TELEPHONY_ENABLED: "False",
      AWS_S3_ENDPOINT_URL: "https://s3.eu-west-3.amazonaws.com",
      AWS_S3_REGION_NAME: "eu-west-3",
      AWS_S3_SIGNATURE_VERSION: "s3v4",
      AWS_STORAGE_BUCKET_NAME: "recordings-eu",
      MEDIA_BASE_URL: "https://meet.example.org",
      RECORDING_ENABLE: "True",
      RECORDING_OUTPUT_FOLDER: "recordings",
      RECORDING_EXPIRATION_DAYS: "90",
      RECORDING_MAX_DURATION: "7200000",
      RECORDING_STORAGE_EVENT_ENABLE: "False",
      RECORDING_DOWNLOAD_BASE_URL: "https://meet.example.org/recording",
      DJANGO_EMAIL_HOST: "smtp.example.org",
      DJANGO_EMAIL_PORT: "587",
      DJANGO_EMAIL_HOST_USER: "meet",
      DJANGO_EMAIL_HOST_PASSWORD_FILE: "/etc/meet/secrets/DJANGO_EMAIL_HOST_PASSWORD",
      DJANGO_EMAIL_USE_TLS: "True",
      DJANGO_EMAIL_USE_SSL: "False",
      DJANGO_EMAIL_FROM: "meet@example.org",
      DJANGO_EMAIL_BRAND_NAME: "Example",
      DJANGO_EMAIL_SUPPORT_EMAIL: "help@example.org",
      DJANGO_EMAIL_LOGO_IMG: "https://meet.example.org/assets/logo-suite-numerique.png",
      DJANGO_EMAIL_DOMAIN: "meet.example.org",
      DJANGO_EMAIL_APP_BASE_URL: "https://meet.example.org",
    });
  });

  const least: MeetSettings = {
    domain: "example.org",
    livekitUrl: "https://livekit.example.org",
    oidc: {
      clientId: "meet",
      authorizationEndpoint: "https://id.example.org/auth",
      tokenEndpoint: "https://id.example.org/token",
      userEndpoint: "https://id.example.org/userinfo",
      jwksEndpoint: "https://id.example.org/jwks",
      scopes: "openid",
      signAlgorithm: "RS256",
    },
    mail: { host: "smtp", port: 25, from: "a@b.org", tls: "none", brandName: "B" },
    bucket: SETTINGS.bucket,
    workers: 1,
  };

  it("leaves out what is not set", () => {
    const environment = meetEnvironment(least);
    const absent = Object.keys(meetEnvironment(SETTINGS)).filter((name) => !(name in environment));
    expect(absent.sort()).toEqual([
      "DJANGO_EMAIL_HOST_PASSWORD_FILE",
      "DJANGO_EMAIL_HOST_USER",
      "DJANGO_EMAIL_SUPPORT_EMAIL",
      "OIDC_OP_LOGOUT_ENDPOINT",
      "RECORDING_DOWNLOAD_BASE_URL",
      "RECORDING_EXPIRATION_DAYS",
      "RECORDING_MAX_DURATION",
      "RECORDING_OUTPUT_FOLDER",
      "RECORDING_STORAGE_EVENT_ENABLE",
    ]);
    expect(environment).toMatchObject({
      DJANGO_ALLOWED_HOSTS: "meet.example.org",
      RECORDING_ENABLE: "False",
      DJANGO_EMAIL_USE_TLS: "False",
      DJANGO_EMAIL_USE_SSL: "False",
    });
  });

  it("never sets a variable to an empty string", () => {
    const oidc = { ...SETTINGS.oidc, logoutEndpoint: "" };
    const mail = { ...SETTINGS.mail, supportEmail: "" };
    for (const settings of [SETTINGS, least, { ...SETTINGS, oidc, mail, regionalHost: "" }]) {
      const empty = Object.entries(meetEnvironment(settings)).filter(([, value]) => value === "");
      expect(empty).toEqual([]);
    }
  });

  it("speaks TLS from the first byte where the mail server wants it", () => {
    expect(meetEnvironment({ ...SETTINGS, mail: { ...SETTINGS.mail, tls: "tls" } })).toMatchObject({
      DJANGO_EMAIL_USE_TLS: "False",
      DJANGO_EMAIL_USE_SSL: "True",
    });
  });

  it("switches dialling in and the external API on only when asked", () => {
    const telephony = { phoneNumber: "+33123456789", defaultCountry: "FR" };
    expect(meetEnvironment({ ...SETTINGS, telephony, externalApi: true })).toMatchObject({
      ROOM_TELEPHONY_ENABLED: "True",
      ROOM_TELEPHONY_PHONE_NUMBER: "+33123456789",
      ROOM_TELEPHONY_DEFAULT_COUNTRY: "FR",
      EXTERNAL_API_ENABLED: "True",
    });
  });

  it("admits events of Meet's rooms, and of no others", () => {
    const pattern = new RegExp(ROOM_NAME_PATTERN);
    expect(pattern.test("0b2f9c1e-7a34-4c5d-8e6f-1a2b3c4d5e6f")).toBe(true);
    expect(pattern.test("connection-test-0b2f9c1e-7a34-4c5d-8e6f-1a2b3c4d5e6f")).toBe(false);
    expect(pattern.test("my-room")).toBe(false);
  });
});

describe("a Valkey address", () => {
  it.each([
    ["rediss://:secret@valkey.internal:6379", 0],
    ["rediss://:secret@valkey.internal:6379/7?other=1", 1],
  ])("%s gets database %d and verified certificates", (url, database) => {
    expect(meetValkeyUrl(url, database)).toBe(
      `rediss://:secret@valkey.internal:6379/${database}?ssl_cert_reqs=required&ssl_check_hostname=True`,
    );
  });

  it("keeps what is escaped in its password", () => {
    expect(meetValkeyUrl("rediss://:a%2Fb%40c@valkey:6379", 1)).toContain(
      "//:a%2Fb%40c@valkey:6379/1?",
    );
  });
});
