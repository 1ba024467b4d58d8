import { createHash } from "node:crypto";
import { FakeTwirp } from "../../test/support/rooms/fake-twirp.ts";

/**
 * Stands for a region's LiveKit where thousands of connections are wanted, in a process of its own:
 * `node --import tsx fake-cluster.ts NAME HOST PORT`. Takes every upgrade to a room that it has; whoever is connected is
 * one of the room's participants.
 */
const [name = "fake", host = "127.0.0.1", port = "0"] = process.argv.slice(2);

/** RFC 6455, section 1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const cluster = new FakeTwirp(name);
let people = 0;

function roomOf(url: string): string {
  const token = new URL(url, "http://livekit").searchParams.get("access_token") ?? "";
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  return (JSON.parse(payload) as { readonly video: { readonly room: string } }).video.room;
}

cluster.onUpgrade((request, socket) => {
  const room = roomOf(request.url ?? "");
  socket.on("error", () => undefined);
  if (!cluster.rooms.has(room)) {
    socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const identity = `person-${people++}`;
  cluster.addParticipant(room, identity);
  socket.once("close", () => {
    const left = cluster.participants.get(room)?.filter((one) => one.identity !== identity) ?? [];
    cluster.participants.set(room, left);
  });
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(`${key}${WEBSOCKET_GUID}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.resume();
});

await cluster.listen(Number(port), host);
