import { request } from "node:http";

/** The status that a request for a WebSocket is answered with. */
export function upgradeStatus(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    const take = (status: number | undefined): void => {
      resolve(status ?? 0);
      asked.destroy();
    };
    asked.once("response", (response) => {
      take(response.statusCode);
    });
    asked.once("upgrade", (response) => {
      take(response.statusCode);
    });
    asked.once("error", reject);
    asked.end();
  });
}
