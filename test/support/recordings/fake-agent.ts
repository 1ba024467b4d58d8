import { createServer, type Server } from "node:http";

/** The EKS Pod Identity agent, which gives credentials for a token. */
export class FakeAgent {
  readonly url: string;
  /** The token that it takes. */
  token = "token-of-the-pod";
  /** How long what it gives is good for. */
  lifeMs = 6 * 3600_000;
  /** A fault in place of credentials. */
  fault: "none" | "status 500" | "nonsense" = "none";
  asked = 0;
  private readonly server: Server;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.url = `http://127.0.0.1:${port}/v1/credentials`;
  }

  static async start(nowMs: () => number = () => Date.now()): Promise<FakeAgent> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const agent = new FakeAgent(server, typeof address === "object" && address ? address.port : 0);
    server.on("request", (request, response) => {
      agent.asked += 1;
      if (request.headers.authorization !== agent.token || agent.fault === "status 500") {
        response.writeHead(agent.fault === "status 500" ? 500 : 403).end("no");
        return;
      }
      response.writeHead(200, { "content-type": "application/json" }).end(
        agent.fault === "nonsense"
          ? "{}"
          : JSON.stringify({
              AccessKeyId: `ASIA${agent.asked}`,
              SecretAccessKey: `secret-${agent.asked}`,
              Token: `session/${agent.asked}+=`,
              AccountId: "123456789012",
              Expiration: new Date(nowMs() + agent.lifeMs).toISOString(),
            }),
      );
    });
    return agent;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
