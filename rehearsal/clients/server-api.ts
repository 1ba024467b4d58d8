import type { LiveKitKey } from "../processes/running-fleet.ts";
import { apiToken } from "./tokens.ts";

/** What a Twirp call was answered with. */
export interface TwirpAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Milliseconds for a call unless its caller says otherwise. */
const CALL_MS = 15_000;

/** Calls the server API of a LiveKit or of a gateway in JSON, with every grant that the method could want. */
export async function twirp(
  url: string,
  key: LiveKitKey,
  method: string,
  body: Readonly<Record<string, unknown>>,
  timeoutMs: number = CALL_MS,
): Promise<TwirpAnswer> {
  const room = body["room"] ?? body["room_name"];
  const token = await apiToken(key, {
    roomCreate: true,
    roomList: true,
    roomRecord: true,
    roomAdmin: true,
    ...(typeof room === "string" ? { room } : {}),
  });
  const response = await fetch(`${url}/twirp/livekit.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Makes a room. @throws if it is refused */
export async function createRoom(url: string, key: LiveKitKey, name: string): Promise<string> {
  const { status, body } = await twirp(url, key, "RoomService/CreateRoom", { name });
  if (status !== 200) {
    throw new Error(`CreateRoom ${name}: ${status} ${JSON.stringify(body)}`);
  }
  return String(body["sid"]);
}

/** Names of the rooms that a LiveKit lists. */
export async function roomNames(url: string, key: LiveKitKey): Promise<string[]> {
  const { body } = await twirp(url, key, "RoomService/ListRooms", {});
  return ((body["rooms"] ?? []) as { name: string }[]).map(({ name }) => name).sort();
}

/** Identities of the people whom a LiveKit lists in a room; none if it has no such room. */
export async function identities(url: string, key: LiveKitKey, room: string): Promise<string[]> {
  const { body } = await twirp(url, key, "RoomService/ListParticipants", { room });
  const people = (body["participants"] ?? []) as { identity: string }[];
  return people.map(({ identity }) => identity).sort();
}
