import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Endpoint } from "../network/partition.ts";

/** Where somebody's next connection to the geo name goes; undefined where the name leads nowhere. */
export type Lead = () => Promise<Endpoint | undefined>;

/**
 * Stands for the geo name as people at one place see it: each new connection goes where their resolver says now. Runs in
 * this process, at an address that is reached from the place.
 */
export class GeoDoor {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly address: string;

  private constructor(address: string, lead: Lead) {
    this.address = address;
    this.server = createServer({ noDelay: true }, (client) => {
      client.on("error", () => undefined);
      this.keep(client);
      void this.pass(client, lead);
    });
  }

  /** Listens at an address of this process. */
  static async start(address: string, lead: Lead): Promise<GeoDoor> {
    const door = new GeoDoor(address, lead);
    await new Promise<void>((resolve) => door.server.listen(0, address, resolve));
    return door;
  }

  /** What is joined in place of `wss://livekit.<domain>`. */
  get url(): string {
    return `ws://${this.address}:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends it with every connection through it. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closed;
  }

  private async pass(client: Socket, lead: Lead): Promise<void> {
    const endpoint = await lead();
    if (endpoint === undefined || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const region = connect({ ...endpoint, noDelay: true });
    this.keep(region);
    for (const [one, other] of [
      [client, region],
      [region, client],
    ] as const) {
      // A connection that is refused or reset is so for the client, too; one that is silent stays silent.
      one.on("error", () => other.resetAndDestroy());
      one.on("close", () => other.destroy());
    }
    client.pipe(region).pipe(client);
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
  }
}
