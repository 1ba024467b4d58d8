/** Where Meet's pods mount the certificates that RDS is verified with; see ca-bundle.ts. */
export const RDS_CA_PATH = "/etc/meet/rds/ca.pem";

/** What a PostgreSQL client needs to connect. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly databaseName: string;
  readonly username: string;
  /** Left out of the URL when undefined. */
  readonly password?: string | undefined;
}

/**
 * `DATABASE_URL` as dj-database-url reads it. User, password and database are percent-encoded, because a generated
 * password may hold `/`, `@` or `#`. `verify-full` checks certificate and host name; libpq's default, `prefer`, would
 * encrypt for whoever answers (PostgreSQL documentation, libpq-ssl).
 */
export function connectionUrl(connection: Connection): string {
  const { host, port, databaseName, username, password } = connection;
  const user = encodeURIComponent(username);
  const login = password === undefined ? user : `${user}:${encodeURIComponent(password)}`;
  const query = `sslmode=verify-full&sslrootcert=${RDS_CA_PATH}`;
  return `postgresql://${login}@${host}:${port}/${encodeURIComponent(databaseName)}?${query}`;
}
