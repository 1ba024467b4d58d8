import { readFileSync } from "node:fs";
import type { Log } from "../shared/log.ts";
import { homesOf, secretsOf, type RoomsEnvironment } from "./config.ts";
import { systemClock } from "./clock.ts";
import { HealthProbe, lookAt } from "./livekit/health-probe.ts";
import { LiveKitApi } from "./livekit/livekit-api.ts";
import { RegionLiveKit } from "./livekit/local-livekit.ts";
import type { Metrics } from "./metrics.ts";
import { Membership } from "./peers/membership.ts";
import { Monitor } from "./peers/monitor.ts";
import { PeerCalls } from "./peers/peer-calls.ts";
import { PeerClient } from "./peers/peer-client.ts";
import { PeerConnections } from "./peers/peer-connections.ts";
import { PeerDialer } from "./peers/peer-dialer.ts";
import { RequestSigner, RequestVerifier } from "./peers/peer-token.ts";
import { PeerTwirp } from "./peers/peer-twirp.ts";
import { RegionUrls } from "./peers/region-urls.ts";
import { Changes } from "./store/changes.ts";
import { Locks } from "./store/lock.ts";
import { MembersStore } from "./store/members-store.ts";
import { ValkeyRoomStore } from "./store/room-store.ts";
import { SeenTokens } from "./store/seen-tokens.ts";
import { Valkey } from "./store/valkey.ts";
import { KeyRing } from "./tokens/key-ring.ts";
import { DeletedRooms } from "./webhooks/deleted-rooms.ts";

/** What a gateway has of its own region: the keys, Valkey, LiveKit. */
export interface OwnRegion {
  readonly keys: KeyRing;
  readonly valkey: Valkey;
  readonly changes: Changes;
  readonly store: ValkeyRoomStore;
  readonly locks: Locks;
  readonly deleted: DeletedRooms;
  readonly liveKitApi: LiveKitApi;
  readonly probe: HealthProbe;
  readonly liveKit: RegionLiveKit;
}

/** What a gateway has of the other regions: who they are, and the ways to them. */
export interface OtherRegions {
  readonly membership: Membership;
  readonly calls: PeerCalls;
  readonly monitor: Monitor;
  readonly peers: PeerClient;
  readonly dialer: PeerDialer;
  readonly twirp: PeerTwirp;
  readonly verifier: RequestVerifier;
  readonly operators: RequestVerifier;
  readonly connections: PeerConnections;
}

/** Puts together what is of this region. Nothing connects yet. */
export function ownRegion(environment: RoomsEnvironment, log: Log): OwnRegion {
  const keys = keyRing(environment);
  const ca =
    environment.VALKEY_CA_FILE === undefined
      ? {}
      : { ca: readFileSync(environment.VALKEY_CA_FILE, "utf8") };
  const file = environment.VALKEY_URL_FILE;
  const address = { url: file.current(), latest: () => file.current(), ...ca };
  const valkey = new Valkey(address, log);
  const changes = new Changes(address);
  const store = new ValkeyRoomStore(valkey, changes, environment.REGION);
  const deleted = new DeletedRooms(valkey);
  const liveKitApi = new LiveKitApi(environment.LIVEKIT_URL, keys);
  const probe = new HealthProbe(lookAt(environment.LIVEKIT_URL), systemClock);
  const liveKit = new RegionLiveKit(liveKitApi, probe, deleted);
  const locks = new Locks(valkey);
  return { keys, valkey, changes, store, locks, deleted, liveKitApi, probe, liveKit };
}

/** Puts together what leads to the other regions. Nothing is asked yet. */
export function otherRegions(
  environment: RoomsEnvironment,
  own: OwnRegion,
  metrics: Metrics,
  log: Log,
): OtherRegions {
  const { REGION: region } = environment;
  const peerSecrets = secretsOf(
    environment.PEER_SECRET_FILE,
    environment.PEER_PREVIOUS_SECRET_FILE,
  );
  const operatorSecrets = secretsOf(
    environment.OPERATOR_SECRET_FILE,
    environment.OPERATOR_PREVIOUS_SECRET_FILE,
  );
  const seen = new SeenTokens(own.valkey);
  const signer = new RequestSigner("peer", region, peerSecrets);
  const urls = new RegionUrls(environment.DOMAIN, environment.PEER_URLS);
  const connections = new PeerConnections(urls);
  const calls = new PeerCalls(connections, signer);
  const store = new MembersStore(own.valkey);
  const primary = { region: environment.PRIMARY_REGION, epoch: environment.PRIMARY_EPOCH };
  const membership = new Membership({ region, homes: homesOf(environment), primary, store, log });
  const monitor = new Monitor({
    region,
    membership,
    polls: calls,
    clock: systemClock,
    metrics,
    log,
  });
  const peers = new PeerClient(membership, monitor, calls);
  return {
    membership,
    calls,
    monitor,
    peers,
    dialer: new PeerDialer(urls, signer),
    twirp: new PeerTwirp(peers, connections, signer),
    verifier: new RequestVerifier("peer", region, peerSecrets, seen),
    operators: new RequestVerifier("operator", region, operatorSecrets, seen),
    connections,
  };
}

/** The files that are looked at again while the gateway runs. */
export function watchSecrets(environment: RoomsEnvironment): void {
  for (const file of [
    environment.VALKEY_URL_FILE,
    environment.LIVEKIT_API_KEY_FILE,
    environment.LIVEKIT_API_SECRET_FILE,
    environment.LIVEKIT_PREVIOUS_API_KEY_FILE,
    environment.LIVEKIT_PREVIOUS_API_SECRET_FILE,
    environment.PEER_SECRET_FILE,
    environment.PEER_PREVIOUS_SECRET_FILE,
    environment.OPERATOR_SECRET_FILE,
    environment.OPERATOR_PREVIOUS_SECRET_FILE,
  ]) {
    file?.watch();
  }
}

function keyRing(environment: RoomsEnvironment): KeyRing {
  const current = {
    apiKey: environment.LIVEKIT_API_KEY_FILE,
    secret: environment.LIVEKIT_API_SECRET_FILE,
  };
  const apiKey = environment.LIVEKIT_PREVIOUS_API_KEY_FILE;
  const secret = environment.LIVEKIT_PREVIOUS_API_SECRET_FILE;
  return apiKey === undefined || secret === undefined
    ? new KeyRing(current)
    : new KeyRing(current, { apiKey, secret });
}
