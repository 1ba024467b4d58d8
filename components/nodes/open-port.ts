/** Ports of a node that anybody in the world may reach. */
export interface OpenPort {
  readonly protocol: "tcp" | "udp";
  readonly from: number;
  readonly to: number;
  /** Shown in the console. Letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*` (SecurityGroupIngressRule). */
  readonly description: string;
}

/** What tells open ports apart in logical names, for example `udp-7882`. */
export function portKey({ protocol, from }: OpenPort): string {
  return `${protocol}-${from}`;
}

/** As Linux writes ranges: `7881` or `7882-7913`. */
export function portRange({ from, to }: Pick<OpenPort, "from" | "to">): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** What is wrong with open ports, a sentence each. */
export function portFaults(ports: readonly OpenPort[]): string[] {
  const odd = ports.filter(
    ({ from, to }) =>
      !Number.isInteger(from) || !Number.isInteger(to) || from < 1024 || to > 65535 || from > to,
  );
  const clashes = ports.filter((one, index) =>
    ports
      .slice(0, index)
      .some(
        (other) => other.protocol === one.protocol && other.from <= one.to && one.from <= other.to,
      ),
  );
  return [
    ...odd.map(
      (port) =>
        `openPorts ${port.protocol} ${port.from}-${port.to} is no range within 1024-65535. Correct from and to.`,
    ),
    ...clashes.map(
      (port) =>
        `openPorts ${port.protocol} ${portRange(port)} overlaps another range. Keep one of them.`,
    ),
  ];
}
