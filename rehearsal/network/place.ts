import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

/** Where a server or a client runs: this machine, or a network namespace that stands for a region. */
export interface Place {
  readonly name: string;
  /** Where its servers listen and are reached, cuts aside. */
  readonly address: string;
  /** The address that media is sent to; browsers gather no candidates on the loopback interface. */
  readonly mediaAddress: string;
  /** Words before a command line that run it in this place; none on this machine. */
  readonly command: readonly string[];
  /** A port that nobody listens on, neither TCP nor UDP. */
  port(): Promise<number>;
  /** Runs a program in this place; the child's process id is the program's own. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

/** This machine itself: servers on the loopback address. */
export const localPlace: Place = {
  name: "local",
  address: "127.0.0.1",
  mediaAddress: hostAddress(),
  command: [],
  port: freePort,
  spawn: (command, args, options = {}) => spawn(command, args, options),
};

/** The machine's first address that is not the loopback's; that if there is no other. */
export function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const first = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return first?.address ?? "127.0.0.1";
}

/** A TCP port of this machine that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) {
          resolve(address.port);
        } else {
          reject(new Error("no port"));
        }
      });
    });
  });
}
