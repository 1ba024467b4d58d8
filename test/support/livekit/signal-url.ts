import { gzipSync } from "node:zlib";
import {
  ClientInfo,
  ClientInfo_SDK,
  ConnectionSettings,
  JoinRequest,
  ReconnectReason,
  WrappedJoinRequest,
  WrappedJoinRequest_Compression,
} from "@livekit/protocol";

/** How a raw client joins. */
export interface SignalOptions {
  /** `http://` or `ws://` address of a LiveKit or a gateway. */
  readonly url: string;
  readonly token: string;
  /** `/rtc/v1` with a join request, as livekit-client 2.21 does; or `/rtc` with parameters. @default v1 */
  readonly version?: "v1" | "v0";
  /** Resumes the session of this participant instead of joining. */
  readonly resume?: { readonly participantSid: string };
  readonly headers?: Readonly<Record<string, string>>;
}

const PROTOCOL = 16;
const SDK_VERSION = "2.21.0";

/** The address that livekit-client 2.21.0 would open (livekit/client-sdk-js, src/api/SignalClient.ts). */
export function signalUrl(options: SignalOptions): string {
  const { token, version = "v1", resume } = options;
  const base = options.url.replace(/^http/, "ws").replace(/\/$/, "");
  if (version === "v0") {
    const parameters = new URLSearchParams({
      access_token: token,
      auto_subscribe: "1",
      sdk: "js",
      version: SDK_VERSION,
      protocol: String(PROTOCOL),
      ...(resume === undefined ? {} : { reconnect: "1", sid: resume.participantSid }),
    });
    return `${base}/rtc?${parameters.toString()}`;
  }
  const request = new JoinRequest({
    clientInfo: new ClientInfo({
      sdk: ClientInfo_SDK.JS,
      version: SDK_VERSION,
      protocol: PROTOCOL,
    }),
    connectionSettings: new ConnectionSettings({ autoSubscribe: true }),
    ...(resume === undefined
      ? {}
      : {
          reconnect: true,
          participantSid: resume.participantSid,
          reconnectReason: ReconnectReason.RR_SIGNAL_DISCONNECTED,
        }),
  });
  const wrapped = new WrappedJoinRequest({
    compression: WrappedJoinRequest_Compression.GZIP,
    joinRequest: new Uint8Array(gzipSync(request.toBinary())),
  });
  const encoded = Buffer.from(wrapped.toBinary()).toString("base64").replace(/\+/g, "-");
  const parameters = new URLSearchParams({
    access_token: token,
    join_request: encoded.replace(/\//g, "_"),
  });
  return `${base}/rtc/v1?${parameters.toString()}`;
}
