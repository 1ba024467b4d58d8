/** What the test tells the process that holds the participants. */
export type RtcNodeRequest =
  | {
      readonly do: "join";
      readonly identity: string;
      readonly url: string;
      readonly token: string;
      readonly audio: boolean;
    }
  | { readonly do: "leave"; readonly identity: string };

/** Something that happened to a participant there; `at` in milliseconds since the epoch. */
export interface RtcNodeNote {
  readonly identity: string;
  readonly at: number;
  readonly what:
    | "connected"
    | "failed"
    | "reconnecting"
    | "reconnected"
    | "disconnected"
    | "data"
    | "audio"
    | "sid"
    | "left";
  /** Whom it came from, the sid, or the reason. */
  readonly detail: string;
}
