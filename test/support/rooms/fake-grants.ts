/** Grants that methods of RoomService need other than roomAdmin (livekit/livekit, pkg/service/auth.go). */
const NEEDED: Readonly<Record<string, string>> = {
  "RoomService/CreateRoom": "roomCreate",
  "RoomService/DeleteRoom": "roomCreate",
  "RoomService/ListRooms": "roomList",
};

/** What LiveKit says to a token that may not make this call; the signature is not the fake's business. */
export function grantFault(method: string, authorization: string): string | undefined {
  let video: Readonly<Record<string, unknown>> = {};
  try {
    const payload = Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString();
    const claims = JSON.parse(payload) as { video?: Record<string, unknown> };
    video = claims.video ?? {};
  } catch {
    return "invalid authorization token";
  }
  if (method.startsWith("SIP/")) {
    return undefined;
  }
  const needed = method.startsWith("Egress/") ? "roomRecord" : (NEEDED[method] ?? "roomAdmin");
  return video[needed] === true ? undefined : "permissions denied";
}
