import { pino } from "pino";

/** One line of JSON per event on standard output. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** What else is known of an event. Never a token, a key, a query string or a header. */
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Levels in rising order; lines below the chosen one are not written. */
export const LOG_LEVELS = ["info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields that no line has, whoever put them there by mistake. */
const REDACTED_FIELDS = [
  "token",
  "access_token",
  "authorization",
  "secret",
  "password",
  "apiKey",
  "apiSecret",
  "query",
  "headers",
  "cookie",
];

const REDACTED = "[redacted]";

/** What looks like a secret inside a text: a query's token, a JWT, credentials in a header or in an address. */
const SECRET_SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\b(access_token|api_key|join_request|secret|password)=[^\s&"\\]+/gi, `$1=${REDACTED}`],
  [/\beyJ[\w-]*(?:\.[\w-]*){1,4}/g, REDACTED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`],
  [/:\/\/[^\s/@"\\]*@/g, `://${REDACTED}@`],
];

/** A log whose every line names the service and its region, and in which nothing that looks like a secret is left. */
export function createLog(
  service: string,
  region: string,
  write: (line: string) => void,
  level: LogLevel = "info",
): Log {
  const logger = pino(
    {
      level,
      base: { service, region },
      messageKey: "message",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_FIELDS, censor: REDACTED },
    },
    {
      write: (line) => {
        write(withoutSecrets(line));
      },
    },
  );
  return {
    info: (message, fields = {}) => {
      logger.info(fields, message);
    },
    warn: (message, fields = {}) => {
      logger.warn(fields, message);
    },
    error: (message, fields = {}) => {
      logger.error(fields, message);
    },
  };
}

/** The text without what looks like a secret in it. */
export function withoutSecrets(text: string): string {
  return SECRET_SHAPES.reduce((result, [shape, instead]) => result.replace(shape, instead), text);
}
