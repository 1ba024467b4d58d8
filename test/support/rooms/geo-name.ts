import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Place } from "../../../rehearsal/network/place.ts";

/**
 * Stands for the name by which clients find the nearest region: an address whose connections go to one region's front
 * now and to another's later. Runs in this process.
 */
export class GeoName {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly place: Place;
  private target: URL;

  private constructor(place: Place, target: URL) {
    this.place = place;
    this.target = target;
    this.server = createServer({ noDelay: true }, (client) => {
      const { hostname, port } = this.target;
      const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.sockets.add(one);
        one.on("error", () => other.resetAndDestroy());
        one.on("close", () => {
          this.sockets.delete(one);
          other.destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    });
  }

  /** Listens in the place of the tests and leads to an address as seen from there. */
  static async start(place: Place, target: string): Promise<GeoName> {
    const name = new GeoName(place, new URL(target));
    await new Promise<void>((resolve) => name.server.listen(0, place.address, resolve));
    return name;
  }

  get url(): string {
    return `ws://${this.place.address}:${(this.server.address() as AddressInfo).port}`;
  }

  /** New connections go to this address; those there are get cut without a word. */
  leadTo(target: string): void {
    this.target = new URL(target);
    for (const socket of this.sockets) {
      socket.resetAndDestroy();
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closed;
  }
}
