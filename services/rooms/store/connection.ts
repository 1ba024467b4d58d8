import { Redis, type RedisOptions } from "ioredis";

/** Milliseconds that a command may take; a store in the same region answers in one or two. */
export const COMMAND_TIMEOUT_MS = 1000;

const CONNECT_TIMEOUT_MS = 2000;

/** Longest pause before a new try to connect; all pods of a region come back within it, spread. */
const RECONNECT_MS = 500;

/** Where the region's Valkey is. */
export interface ValkeyAddress {
  /** `redis://` or `rediss://`, with the password, percent-encoded, and the database: `rediss://:secret@host:6379/1`. */
  readonly url: string;
  /** The same with the password of now, which a connection that is made anew takes. @default url */
  readonly latest?: () => string;
  /** Certificate authorities in PEM to trust instead of the system's, which ElastiCache's certificates chain to. */
  readonly ca?: string;
}

/**
 * A connection that gives up soon and says so. No command waits for a lost connection and none is sent twice: its caller
 * may have gone on, and the store may have changed.
 */
export function newConnection(address: ValkeyAddress, name: string): Redis {
  const connection = new Redis({
    ...optionsOf(address),
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // What is asked in one turn of the event loop leaves in one write: most of the work of many joins at once.
    enableAutoPipelining: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A silent server would not answer the polite end of a connection either.
    disconnectTimeout: 10,
    keepAlive: 10_000,
    retryStrategy: () => {
      takePassword(connection, address);
      return 20 + Math.random() * (RECONNECT_MS - 20);
    },
    // A failover of ElastiCache keeps the endpoint's name: one that was demoted is left for the new primary.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  });
  // Without a listener ioredis writes to the console; a lost connection is told by its state.
  connection.on("error", () => undefined);
  return connection;
}

/** For the next try to connect: the password may have been made anew since the last one. */
function takePassword(connection: Redis, { url, latest, ...rest }: ValkeyAddress): void {
  try {
    const { password } = optionsOf({ ...rest, url: latest?.() ?? url });
    if (password !== undefined) {
      connection.options.password = password;
    }
  } catch {
    // A file that holds no address changes nothing.
  }
}

/**
 * The reply, if it comes in time. A process that was kept from running finds its timers due before it reads the replies
 * that lie in its sockets, so it reads once more before it gives up; the timeouts of ioredis do not.
 */
export function inTime<T>(reply: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => {
        reject(new Error(`no reply in ${COMMAND_TIMEOUT_MS} ms`));
      });
    }, COMMAND_TIMEOUT_MS);
    reply.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}

/**
 * The parts of an address.
 * @throws where it is not one, without showing it: it holds a password
 */
export function optionsOf(address: ValkeyAddress): RedisOptions {
  const url = URL.canParse(address.url) ? new URL(address.url) : undefined;
  const database = /^\/(\d{1,4})?$|^$/.exec(url?.pathname ?? "none");
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === "" || !database) {
    throw new Error(
      'Valkey "address": it is not of the form rediss://:password@host:6379/1. Percent-encode the password.',
    );
  }
  // An IPv6 address is in brackets in a URL only.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: url.port === "" ? 6379 : Number(url.port),
    db: Number(database[1] ?? 0),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:"
      ? { tls: address.ca === undefined ? {} : { ca: address.ca } }
      : {}),
  };
}
