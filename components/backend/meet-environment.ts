import { livekitHost, meetHost } from "../shared/names.ts";

/** The OpenID Connect provider people sign in with. */
export interface OidcSettings {
  readonly clientId: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userEndpoint: string;
  readonly jwksEndpoint: string;
  readonly logoutEndpoint?: string;
  readonly scopes: string;
  readonly signAlgorithm: string;
}

/** The mail server that invitations and links to recordings go out by. */
export interface MailSettings {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly from: string;
  readonly tls: "starttls" | "tls" | "none";
  readonly brandName: string;
  readonly supportEmail?: string;
}

/** What of Meet's settings is no secret and depends on no resource. */
export interface MeetSettings {
  readonly domain: string;
  /** `meet.<region>.<domain>`, which the failover checks ask. @default none is admitted */
  readonly regionalHost?: string;
  /** `https://livekit.<domain>`, without a path: the Python client drops one. */
  readonly livekitUrl: string;
  readonly oidc: OidcSettings;
  readonly mail: MailSettings;
  readonly bucket:
    | { readonly kind: "aws"; readonly name: string; readonly awsRegion: string }
    | {
        readonly kind: "s3-compatible";
        readonly name: string;
        readonly endpoint: string;
        readonly region: string;
      };
  /** @default recording is switched off */
  readonly recordings?: { readonly expirationDays: number; readonly maxDurationMinutes: number };
  /** Dialling in, for a fleet of one region. @default off */
  readonly telephony?: { readonly phoneNumber: string; readonly defaultCountry: string };
  /** @default false */
  readonly externalApi?: boolean;
  readonly workers: number;
}

/** Where the secret files are mounted. */
export const SECRET_FILES_PATH = "/etc/meet/secrets";

/**
 * Secrets that Meet reads from the file that `<NAME>_FILE` names (suitenumerique/django-lasuite
 * src/lasuite/configuration/values.py, SecretFileValue): not in the environment, so not in a crash report either.
 */
export const FILE_SECRETS = [
  "DJANGO_SECRET_KEY",
  "OIDC_RP_CLIENT_SECRET",
  "LIVEKIT_API_KEY",
  "LIVEKIT_API_SECRET",
  "DJANGO_EMAIL_HOST_PASSWORD",
  "AWS_S3_ACCESS_KEY_ID",
  "AWS_S3_SECRET_ACCESS_KEY",
] as const;

/** Secrets that Meet takes from the environment only: addresses that hold a password. */
export const VARIABLE_SECRETS = ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"] as const;

/** A room's name is its UUID: events of other rooms, such as connection tests, would be answered with 500 for ever. */
export const ROOM_NAME_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/** Valkey's database numbers: Celery's queue and the cache with sessions, lobby and throttles. */
export const VALKEY_DATABASES = { celery: 0, cache: 1 } as const;

/**
 * A Valkey address as Meet's two clients read it (tried with redis-py 5.2.1 and kombu 5.6.2, which Meet 1.27 pins):
 * `ssl_cert_reqs=required` is understood by both, and the host name is checked only when asked for.
 */
export function meetValkeyUrl(url: string, database: number): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  address.search = "?ssl_cert_reqs=required&ssl_check_hostname=True";
  return address.href;
}

/**
 * Meet's environment without its secrets (suitenumerique/meet src/backend/meet/settings.py, 1.27.0). Names with
 * DJANGO_ are prefixed by django-configurations, the others are not. A variable that is not needed is left out: an
 * empty string is a value, and breaks boto and the mail templates.
 */
export function meetEnvironment(settings: MeetSettings): Record<string, string> {
  const host = meetHost(settings.domain);
  const origin = `https://${host}`;
  return {
    // The default is Development: debug pages and every Host admitted.
    DJANGO_CONFIGURATION: "Production",
    DJANGO_SETTINGS_MODULE: "meet.settings",
    DJANGO_ALLOWED_HOSTS: [host, ...given(settings.regionalHost)].join(","),
    DJANGO_CSRF_TRUSTED_ORIGINS: origin,
    CELERY_ENABLED: "True",
    CELERY_TASK_DEFAULT_QUEUE: "meet-backend",
    ...gunicorn(settings.workers),
    ...oidc(settings.oidc, host, origin),
    ...livekit(settings.livekitUrl),
    ALLOW_UNREGISTERED_ROOMS: "False",
    EXTERNAL_API_ENABLED: python(settings.externalApi ?? false),
    ...telephony(settings.telephony),
    ...storage(settings.bucket, origin),
    ...recording(settings.recordings, origin),
    ...mail(settings.mail, host, origin),
    ...Object.fromEntries(
      FILE_SECRETS.filter((name) => isNeeded(name, settings)).map((name) => [
        `${name}_FILE`,
        `${SECRET_FILES_PATH}/${name}`,
      ]),
    ),
  };
}

/** Whether the LiveKit address is the one that browsers use as well; Meet has one setting for both. */
export function isPublicLivekitUrl(livekitUrl: string, domain: string): boolean {
  return livekitUrl === `https://${livekitHost(domain)}`;
}

/** The configuration file in the image fixes three workers and a control socket in an unwritable home directory. */
function gunicorn(workers: number): Record<string, string> {
  return { GUNICORN_CMD_ARGS: `--workers=${workers} --worker-tmp-dir=/tmp --no-control-socket` };
}

function oidc(settings: OidcSettings, host: string, origin: string): Record<string, string> {
  return {
    OIDC_RP_CLIENT_ID: settings.clientId,
    OIDC_RP_SIGN_ALGO: settings.signAlgorithm,
    OIDC_RP_SCOPES: settings.scopes,
    OIDC_OP_AUTHORIZATION_ENDPOINT: settings.authorizationEndpoint,
    OIDC_OP_TOKEN_ENDPOINT: settings.tokenEndpoint,
    OIDC_OP_USER_ENDPOINT: settings.userEndpoint,
    OIDC_OP_JWKS_ENDPOINT: settings.jwksEndpoint,
    ...optional({ OIDC_OP_LOGOUT_ENDPOINT: settings.logoutEndpoint }),
    OIDC_REDIRECT_ALLOWED_HOSTS: host,
    OIDC_REDIRECT_REQUIRE_HTTPS: "True",
    LOGIN_REDIRECT_URL: origin,
    LOGIN_REDIRECT_URL_FAILURE: origin,
    LOGOUT_REDIRECT_URL: origin,
  };
}

function livekit(livekitUrl: string): Record<string, string> {
  return {
    LIVEKIT_API_URL: livekitUrl,
    LIVEKIT_VERIFY_SSL: "True",
    LIVEKIT_FORCE_WSS_PROTOCOL: "True",
    LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX: ROOM_NAME_PATTERN,
  };
}

function telephony(settings: MeetSettings["telephony"]): Record<string, string> {
  return settings === undefined
    ? { ROOM_TELEPHONY_ENABLED: "False" }
    : {
        ROOM_TELEPHONY_ENABLED: "True",
        ROOM_TELEPHONY_PHONE_NUMBER: settings.phoneNumber,
        ROOM_TELEPHONY_DEFAULT_COUNTRY: settings.defaultCountry,
      };
}

function isNeeded(name: (typeof FILE_SECRETS)[number], { mail, bucket }: MeetSettings): boolean {
  if (name === "DJANGO_EMAIL_HOST_PASSWORD") {
    return mail.user !== undefined;
  }
  return !name.startsWith("AWS_S3_") || bucket.kind === "s3-compatible";
}

/** No keys on AWS: boto takes the pod's role. Without an endpoint it signs the global host, which the bucket refuses. */
function storage(bucket: MeetSettings["bucket"], origin: string): Record<string, string> {
  const place =
    bucket.kind === "aws"
      ? { endpoint: `https://s3.${bucket.awsRegion}.amazonaws.com`, region: bucket.awsRegion }
      : bucket;
  return {
    AWS_S3_ENDPOINT_URL: place.endpoint,
    AWS_S3_REGION_NAME: place.region,
    AWS_S3_SIGNATURE_VERSION: "s3v4",
    AWS_STORAGE_BUCKET_NAME: bucket.name,
    MEDIA_BASE_URL: origin,
  };
}

function recording(settings: MeetSettings["recordings"], origin: string): Record<string, string> {
  if (settings === undefined) {
    return { RECORDING_ENABLE: "False" };
  }
  return {
    RECORDING_ENABLE: "True",
    RECORDING_OUTPUT_FOLDER: "recordings",
    RECORDING_EXPIRATION_DAYS: String(settings.expirationDays),
    RECORDING_MAX_DURATION: String(settings.maxDurationMinutes * 60_000),
    // A recording is complete when LiveKit says so (egress_ended), not when a bucket does.
    RECORDING_STORAGE_EVENT_ENABLE: "False",
    RECORDING_DOWNLOAD_BASE_URL: `${origin}/recording`,
  };
}

function mail(settings: MailSettings, host: string, origin: string): Record<string, string> {
  return {
    DJANGO_EMAIL_HOST: settings.host,
    DJANGO_EMAIL_PORT: String(settings.port),
    ...optional({ DJANGO_EMAIL_HOST_USER: settings.user }),
    DJANGO_EMAIL_USE_TLS: python(settings.tls === "starttls"),
    DJANGO_EMAIL_USE_SSL: python(settings.tls === "tls"),
    DJANGO_EMAIL_FROM: settings.from,
    DJANGO_EMAIL_BRAND_NAME: settings.brandName,
    ...optional({ DJANGO_EMAIL_SUPPORT_EMAIL: settings.supportEmail }),
    DJANGO_EMAIL_LOGO_IMG: `${origin}/assets/logo-suite-numerique.png`,
    DJANGO_EMAIL_DOMAIN: host,
    DJANGO_EMAIL_APP_BASE_URL: origin,
  };
}

function python(value: boolean): string {
  return value ? "True" : "False";
}

function given(value: string | undefined): string[] {
  return value === undefined || value === "" ? [] : [value];
}

/** Leaves out what is not set or empty. */
function optional(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => given(value).map((set) => [name, set])),
  );
}
