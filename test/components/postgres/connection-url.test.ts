import { describe, expect, it } from "vitest";
import { connectionUrl, RDS_CA_PATH } from "../../../components/postgres/connection-url.ts";

const SUFFIX = `?sslmode=verify-full&sslrootcert=${RDS_CA_PATH}`;

describe("connectionUrl", () => {
  it("mounts the certificates where the backend reads them", () => {
    expect(RDS_CA_PATH).toBe("/etc/meet/rds/ca.pem");
  });

  it.each([
    ["plain", "abc123", "postgresql://meet:abc123@db.example:5432/meet"],
    ["a slash and an at sign", "a/b@c", "postgresql://meet:a%2Fb%40c@db.example:5432/meet"],
    ["what ends a URL", "a#b?c&d=e", "postgresql://meet:a%23b%3Fc%26d%3De@db.example:5432/meet"],
    ["a colon and a percent", "a:b%20c", "postgresql://meet:a%3Ab%2520c@db.example:5432/meet"],
    ["a space and an umlaut", "a ü", "postgresql://meet:a%20%C3%BC@db.example:5432/meet"],
    ["no password", undefined, "postgresql://meet@db.example:5432/meet"],
  ])("writes a password with %s", (_case, password, url) => {
    expect(
      connectionUrl({
        host: "db.example",
        port: 5432,
        databaseName: "meet",
        username: "meet",
        password,
      }),
    ).toBe(url + SUFFIX);
  });

  it("gives back user, password and database when it is parsed", () => {
    const url = new URL(
      connectionUrl({
        host: "db.example",
        port: 6543,
        databaseName: "meet/eu",
        username: "us@er",
        password: "!&#$^<>-/:@?%+ ",
      }),
    );
    expect(decodeURIComponent(url.username)).toBe("us@er");
    expect(decodeURIComponent(url.password)).toBe("!&#$^<>-/:@?%+ ");
    expect(decodeURIComponent(url.pathname)).toBe("/meet/eu");
    expect(url.port).toBe("6543");
    expect(url.searchParams.get("sslmode")).toBe("verify-full");
    expect(url.searchParams.get("sslrootcert")).toBe("/etc/meet/rds/ca.pem");
  });
});
