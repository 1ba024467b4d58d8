import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeUserData } from "../../../components/nodes/user-data.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meet-kernel-script-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The script part, run by bash with a `sysctl` that says what is reserved and notes what it is told. */
function run(reserved: string): { file: string; calls: string[] } {
  const script = nodeUserData({
    clusterName: "meet-eu",
    endpoint: "https://abc.eks.amazonaws.com",
    certificateAuthority: "Q0E=",
    role: "media",
    openPorts: [{ protocol: "udp", from: 50000, to: 60000, description: "media" }],
  })
    .split("--meet-node\n")[2]
    ?.replace(/^[^#]*/, "")
    .replace("--meet-node--\n", "")
    .replaceAll("/etc/sysctl.d", folder);
  const fake = join(folder, "sysctl");
  writeFileSync(
    fake,
    `#!/bin/bash\necho "$*" >>${folder}/calls\n[ "$1" != --values ] || echo "${reserved}"\n`,
  );
  chmodSync(fake, 0o755);
  execFileSync("bash", ["--norc", "-c", script ?? "exit 9"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${folder}:/usr/bin:/bin` },
  });
  return {
    file: readFileSync(join(folder, "90-meet.conf"), "utf8"),
    calls: readFileSync(join(folder, "calls"), "utf8").trim().split("\n"),
  };
}

describe("the kernel script of a media node", () => {
  it("adds its ports to those that are reserved already, and loads them", () => {
    const { file, calls } = run("2703,9808-9809");
    expect(file).toBe(
      "net.ipv4.ip_local_reserved_ports = 2703,9808-9809,50000-60000\n" +
        "net.core.rmem_max = 16777216\nnet.core.wmem_max = 16777216\n",
    );
    expect(calls).toEqual([
      "--values net.ipv4.ip_local_reserved_ports",
      `--load=${folder}/90-meet.conf`,
    ]);
  });

  it("begins the list when nothing is reserved", () => {
    expect(run("").file).toContain("reserved_ports = 50000-60000\n");
  });
});
