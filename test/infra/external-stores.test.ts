import { describe, expect, it } from "vitest";
import { databaseUrlOf, valkeyUrlOf } from "../../infra/external-stores.ts";

const STORES = {
  kind: "external",
  databaseAuthority: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
  databasePort: 26_257,
  valkeyPort: 6379,
} as const;

const SECRET = "hunter2";

describe("the address of an external database", () => {
  it("is used with certificate and host name verified", () => {
    expect(
      databaseUrlOf(`postgresql://meet:${SECRET}@db.example.org:26257/meet?options=x`, STORES),
    ).toEqual({
      url: `postgresql://meet:${SECRET}@db.example.org:26257/meet?options=x&sslmode=verify-full&sslrootcert=%2Fetc%2Fmeet%2Frds%2Fca.pem`,
    });
  });

  it.each([
    ["text", SECRET, /^no URL/],
    ["another database", `mysql://meet:${SECRET}@db.example.org:26257/meet`, /scheme is mysql/],
    ["another port", `postgresql://meet:${SECRET}@db.example.org/meet`, /port is 5432, .* 26257/],
    ["no password", "postgresql://meet@db.example.org:26257/meet", /no password/],
    ["no database", `postgresql://meet:${SECRET}@db.example.org:26257/`, /names no database/],
    [
      "TLS switched off",
      `postgresql://meet:${SECRET}@db.example.org:26257/meet?sslmode=disable`,
      /sslmode or sslrootcert/,
    ],
  ])("is refused as %s, and never shown", (_, source, says) => {
    const read = databaseUrlOf(source, STORES);
    const faults = "faults" in read ? read.faults : [];
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(says);
    expect(faults.join()).not.toContain(SECRET);
  });

  it("is told all its faults at once", () => {
    const read = databaseUrlOf("mysql://db.example.org/meet", STORES);
    expect("faults" in read && read.faults.length).toBe(3);
  });
});

describe("the address of an external Valkey", () => {
  it("is used over TLS", () => {
    const url = `rediss://meet:${SECRET}@valkey.example.org:6379`;
    expect(valkeyUrlOf(url, STORES)).toEqual({ url });
  });

  it.each([
    ["without TLS", `redis://meet:${SECRET}@valkey.example.org:6379`, /scheme is redis/],
    ["with a database", `rediss://meet:${SECRET}@valkey.example.org:6379/3`, /path or a query/],
    ["on another port", `rediss://meet:${SECRET}@valkey.example.org:6380`, /port is 6380/],
  ])("is refused %s, and never shown", (_, source, says) => {
    const read = valkeyUrlOf(source, STORES);
    const faults = "faults" in read ? read.faults : [];
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(says);
    expect(faults.join()).not.toContain(SECRET);
  });
});
