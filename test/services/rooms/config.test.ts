import { mkdtempSync, rmSync, symlinkSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SecretFile } from "../../../services/shared/secret-file.ts";
import { homesOf, meetUrl, readConfig, secretsOf } from "../../../services/rooms/config.ts";
import { regionalMeetHost } from "../../../components/shared/names.ts";

const folder = mkdtempSync(join(tmpdir(), "meet-config-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const SECRET = "a-secret-of-at-least-thirty-two-characters";
const least = {
  PORT: "8080",
  REGION: "eu",
  DOMAIN: "example.org",
  PRIMARY_REGION: "eu",
  LIVEKIT_URL: "http://livekit:7880",
  MEET_URL: "https://meet.example.org",
  VALKEY_URL_FILE: file("valkey", "rediss://:password@valkey:6379\n"),
  LIVEKIT_API_KEY_FILE: file("key", "key"),
  LIVEKIT_API_SECRET_FILE: file("secret", SECRET),
  PEER_SECRET_FILE: file("peer", `${SECRET}\n`),
  OPERATOR_SECRET_FILE: file("operator", SECRET),
};

function faults(change: Record<string, string | undefined>): readonly string[] {
  const result = readConfig({ ...least, ...change });
  return result.ok ? [] : result.faults;
}

describe("the gateway's environment", () => {
  it("needs little, and has a default for the rest", () => {
    const result = readConfig(least);
    if (!result.ok) {
      throw new Error(result.faults.join());
    }
    const { value } = result;
    expect(value).toMatchObject({
      PORT: 8080,
      METRICS_PORT: 9090,
      SHUTDOWN_SECONDS: 30,
      LOG_LEVEL: "info",
      EGRESS_STORAGE: "regional",
      JOINS_PER_MINUTE_PER_ADDRESS: 600,
      JOINS_PER_MINUTE_PER_TOKEN: 60,
      PINS_PER_MINUTE_PER_ROOM: 6,
      PRIMARY_EPOCH: 1,
    });
    expect(value.PEER_SECRET_FILE.current()).toBe(SECRET);
    expect(homesOf(value)).toEqual(["eu"]);
    expect(homesOf({ ...value, STANDBY_REGION: "us" })).toEqual(["eu", "us"]);
  });

  it("sends events to Meet's name, and straight to a region that was promoted since", () => {
    const told = { ...least, DOMAIN: "example.org" };
    expect(meetUrl(told, "eu")).toBe("https://meet.example.org");
    expect(meetUrl(told, "us")).toBe(`https://${regionalMeetHost("us", "example.org")}`);
  });

  it("wants a whole epoch of 1 or more", () => {
    for (const epoch of ["0", "1.5", "x"]) {
      expect(faults({ PRIMARY_EPOCH: epoch }).join()).toContain("PRIMARY_EPOCH");
    }
    expect(faults({ PRIMARY_EPOCH: "2" })).toEqual([]);
  });

  it("takes rules, an order of regions and addresses of peers as JSON", () => {
    const rules = [
      { rooms: ["daily", "team-*"], region: "us" },
      { countries: ["DE", "FR"], region: "eu" },
    ];
    const result = readConfig({
      ...least,
      PLACEMENT_RULES: JSON.stringify(rules),
      REGION_ORDER: '["us","ap"]',
      PEER_URLS: '{"us":"http://127.0.0.1:7000"}',
      COUNTRY_HEADER: "cf-ipcountry",
    });
    expect(result).toMatchObject({
      ok: true,
      value: {
        PLACEMENT_RULES: rules,
        REGION_ORDER: ["us", "ap"],
        PEER_URLS: { us: "http://127.0.0.1:7000" },
      },
    });
  });

  const wrong: readonly [Record<string, string | undefined>, readonly string[]][] = [
    [
      { METRICS_PORT: "8080" },
      ["METRICS_PORT: 8080 is PORT already: metrics need one of their own"],
    ],
    [
      { STANDBY_REGION: "eu" },
      ["STANDBY_REGION: eu is the primary, and cannot be the standby as well"],
    ],
    [
      { LIVEKIT_PREVIOUS_API_KEY_FILE: least.LIVEKIT_API_KEY_FILE },
      [
        "LIVEKIT_PREVIOUS_API_SECRET_FILE: a previous key is a key and a secret: set both files or none",
      ],
    ],
    [
      { LIVEKIT_PREVIOUS_API_SECRET_FILE: least.LIVEKIT_API_SECRET_FILE },
      [
        "LIVEKIT_PREVIOUS_API_KEY_FILE: a previous key is a key and a secret: set both files or none",
      ],
    ],
    [{ PEER_SECRET_FILE: "/nowhere" }, ["PEER_SECRET_FILE: cannot read the file /nowhere"]],
    [
      { OPERATOR_PREVIOUS_SECRET_FILE: file("short", "hidden") },
      [
        `OPERATOR_PREVIOUS_SECRET_FILE: the file ${join(folder, "short")} holds fewer than 32 characters`,
      ],
    ],
    [
      { VALKEY_URL_FILE: file("http", "http://valkey:6379") },
      ["VALKEY_URL_FILE: the file must hold an address that begins with redis:// or rediss://"],
    ],
    [{ VALKEY_CA_FILE: "/no/ca" }, ["VALKEY_CA_FILE: cannot read the file /no/ca"]],
    [{ PEER_URLS: "{" }, ["PEER_URLS: must be JSON"]],
    [
      { PEER_URLS: '{"us":"https://user:hidden@us"}' },
      ["PEER_URLS.us: must carry no user name or password"],
    ],
    [
      { PLACEMENT_RULES: '[{"rooms":["a*b"],"region":"eu"}]' },
      ["PLACEMENT_RULES.0.rooms.0: must be a room's name, or the beginning of one followed by *"],
    ],
    [
      { PLACEMENT_RULES: '[{"rooms":["daily"]}]' },
      ["PLACEMENT_RULES.0: must be { rooms: [...], region } or { countries: [...], region }"],
    ],
    [
      { PLACEMENT_RULES: '[{"countries":["Germany"],"region":"eu"}]' },
      ["PLACEMENT_RULES.0.countries.0: must be two capital letters such as DE"],
    ],
    [{ COUNTRY_HEADER: "CF IP" }, ["COUNTRY_HEADER: must be a header's name in small letters"]],
    [
      { LOG_LEVEL: "loud" },
      ['LOG_LEVEL: Invalid option: expected one of "info"|"warn"|"error"|"silent"'],
    ],
    [
      { EGRESS_STORAGE: "none" },
      ['EGRESS_STORAGE: Invalid option: expected one of "regional"|"request"'],
    ],
  ];
  it.each(wrong)("is refused: %j", (change, sentences) => {
    expect(faults(change)).toEqual(sentences);
  });

  it("is refused with everything that is wrong with it, and no word of a secret", () => {
    const all = faults({
      REGION: "EU!",
      DOMAIN: undefined,
      PEER_SECRET_FILE: file("weak", "weak-secret"),
      VALKEY_URL_FILE: file("wrong", "hidden-address"),
      METRICS_PORT: "0",
    });
    expect(all.map((fault) => fault.split(":")[0]).sort()).toEqual([
      "DOMAIN",
      "METRICS_PORT",
      "PEER_SECRET_FILE",
      "REGION",
      "VALKEY_URL_FILE",
    ]);
    expect(all.join()).not.toMatch(/weak-secret|hidden-address/);
  });
});

describe("a secret in a file", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function opened(path: string, minimum = 4): SecretFile {
    const result = SecretFile.open(path, minimum);
    if (!result.ok) {
      throw new Error(result.fault);
    }
    return result.value;
  }

  it("is read again within five seconds when a mounted link is swapped, as a kubelet does", () => {
    const link = join(folder, "mounted");
    symlinkSync(file("first", "first-secret\n"), link);
    const secret = opened(link);
    const heard: string[] = [];
    secret.onChange((content) => heard.push(content));
    secret.watch();
    symlinkSync(file("second", "second-secret\n"), `${link}.new`);
    renameSync(`${link}.new`, link);
    expect(secret.current()).toBe("first-secret");
    vi.advanceTimersByTime(5000);
    expect([secret.current(), heard]).toEqual(["second-secret", ["second-secret"]]);
    vi.advanceTimersByTime(5000);
    expect(heard).toHaveLength(1);
    secret.stop();
    writeFileSync(join(folder, "second"), "third-secret");
    vi.advanceTimersByTime(10_000);
    expect(secret.current()).toBe("second-secret");
  });

  it("stays as it was while its file is away, empty or too short", () => {
    const path = file("fragile", "good-secret");
    const secret = opened(path);
    secret.watch();
    for (const content of [undefined, "", "abc"]) {
      rmSync(path, { force: true });
      if (content !== undefined) {
        writeFileSync(path, content);
      }
      vi.advanceTimersByTime(5000);
      expect(secret.current()).toBe("good-secret");
    }
    secret.stop();
  });

  it("is given with the one before it, both as they are now", () => {
    const current = opened(file("now", "secret-now"));
    const previous = opened(file("before", "secret-before"));
    const secrets = secretsOf(current, previous);
    expect(secrets()).toEqual(["secret-now", "secret-before"]);
    writeFileSync(join(folder, "now"), "secret-next");
    current.reload();
    expect(secrets()).toEqual(["secret-next", "secret-before"]);
    expect(secretsOf(current)()).toEqual(["secret-next"]);
  });
});
