import { connect, createServer, type Socket } from "node:net";

/**
 * Stands for a region's load balancer, in a process of its own: `node --import tsx balancer.ts HOST PORT BACKENDS`, the
 * backends as `host:port,host:port`. Connections go to the backends in turn, past those that refuse. Where none is left
 * the connection is refused as well.
 */
const [host = "127.0.0.1", port = "0", list = ""] = process.argv.slice(2);
const backends = list.split(",").map((text) => {
  const at = text.lastIndexOf(":");
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
});
let turn = 0;

function through(client: Socket, tries: number): void {
  const backend = backends[turn++ % backends.length];
  if (backend === undefined || tries >= backends.length) {
    client.resetAndDestroy();
    return;
  }
  const upstream = connect(backend);
  upstream.setNoDelay(true);
  const refused = (): void => {
    through(client, tries + 1);
  };
  upstream.once("error", refused);
  upstream.once("connect", () => {
    upstream.off("error", refused);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.resetAndDestroy());
      one.on("close", () => other.destroy());
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
}

createServer({ pauseOnConnect: false, noDelay: true }, (client) => {
  client.on("error", () => undefined);
  through(client, 0);
}).listen(Number(port), host, () => {
  process.stdout.write("listening\n");
});
