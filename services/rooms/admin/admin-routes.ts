import * as z from "zod";
import { regionName } from "../../shared/environment.ts";
import type { MemberList } from "../peers/member-list.ts";
import type { PeerState } from "../peers/monitor.ts";
import type { Operations, SetAsideWebhooks } from "./operations.ts";
import { viewRoom, type RoomSources } from "./room-views.ts";

/** An answer to an operator. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What the routes work with. */
export interface AdminParts {
  readonly region: string;
  readonly operations: Operations;
  readonly membership: {
    list(): MemberList;
    members(): readonly string[];
    remove(region: string): Promise<void>;
    readmit(region: string): Promise<void>;
  };
  /** What is known of every other member. */
  readonly peerStates: () => readonly PeerState[];
  readonly rooms: RoomSources;
  /** Gives the regions that were not reached. */
  readonly pin: (room: string, region: string | undefined) => Promise<readonly string[]>;
  readonly webhooks: SetAsideWebhooks;
}

/** One call: the method, the path below `/admin/v1/` with `*` for a name, and what it does for the operator named. */
export interface AdminRoute {
  readonly method: string;
  readonly path: string;
  readonly answer: (name: string, body: unknown, operator: string) => Promise<AdminAnswer>;
}

/** A body that is not what the call takes. */
export class WrongBody extends Error {}

/** Most events that one list of webhooks holds. */
const MAX_SET_ASIDE = 500;

const DAY_SECONDS = 86_400;
const deadlineSchema = z.strictObject({ deadlineSeconds: z.int().min(1).max(DAY_SECONDS) });
const regionSchema = z.strictObject({ region: regionName });
const retrySchema = z.strictObject({ id: z.string().min(1).max(200) });

/** All that an operator can ask of a region. */
export function adminRoutes(parts: AdminParts): readonly AdminRoute[] {
  const { operations, membership, webhooks } = parts;
  const inFleet = (region: string): boolean =>
    region === parts.region || membership.members().includes(region);
  const stranger = (region: string): AdminAnswer =>
    fault(
      404,
      `Region "${region}": it is no member. Use one of ${[parts.region, ...membership.members()].sort().join(", ")}.`,
    );

  return [
    route("GET", "status", async () => ok(await status(parts))),
    route("GET", "rooms/*", async (room) =>
      ok({ room, regions: await viewRoom(room, parts.rooms) }),
    ),
    route("POST", "drain", async (_, body, operator) => {
      await operations.drain(parse(deadlineSchema, body).deadlineSeconds, operator);
      return accepted();
    }),
    route("POST", "undrain", async () => {
      await operations.undrain();
      return ok({});
    }),
    route("POST", "evacuate", async (_, body, operator) => {
      const { deadlineSeconds } = parse(deadlineSchema, body);
      if (membership.members().length === 0) {
        return fault(
          409,
          `Region "${parts.region}": it is the only one, no other can take its rooms. Drain it instead.`,
        );
      }
      await operations.evacuate(deadlineSeconds, operator);
      return accepted();
    }),
    route("POST", "rooms/*/move", async (room, body) => {
      const { region } = parse(regionSchema, body);
      return inFleet(region) ? move(parts, room, region) : stranger(region);
    }),
    route("PUT", "rooms/*/pin", async (room, body) => {
      const { region } = parse(regionSchema, body);
      return inFleet(region)
        ? ok({ room, region, notReached: await parts.pin(room, region) })
        : stranger(region);
    }),
    route("DELETE", "rooms/*/pin", async (room) =>
      ok({ room, notReached: await parts.pin(room, undefined) }),
    ),
    route("POST", "members/*/remove", async (region) => {
      if (region === parts.region) {
        return fault(
          409,
          `Region "${region}": it cannot remove itself. Ask the gateway of another region.`,
        );
      }
      if (!Object.hasOwn(membership.list(), region)) {
        return stranger(region);
      }
      await membership.remove(region);
      return ok({ members: membership.list() });
    }),
    route("POST", "members/*/admit", async (region) => {
      if (!Object.hasOwn(membership.list(), region)) {
        return stranger(region);
      }
      await membership.readmit(region);
      return ok({ members: membership.list() });
    }),
    route("GET", "webhooks/set-aside", async () =>
      ok({ events: await webhooks.listSetAside(MAX_SET_ASIDE) }),
    ),
    route("POST", "webhooks/set-aside", async (_, body) => {
      const { id } = parse(retrySchema, body);
      return (await webhooks.retry(id))
        ? ok({ id })
        : fault(404, `Webhook "${id}": none of that id was set aside. List them first.`);
    }),
  ];
}

async function status(parts: AdminParts): Promise<unknown> {
  return {
    region: parts.region,
    ...(await parts.operations.status()),
    members: parts.membership.list(),
    peers: parts.peerStates(),
  };
}

async function move(parts: AdminParts, room: string, region: string): Promise<AdminAnswer> {
  const outcome = await parts.operations.move(room, region);
  if (outcome.moved) {
    return ok({ room, region: outcome.region });
  }
  switch (outcome.why) {
    case "not here":
      return fault(
        409,
        `Room "${room}": region "${parts.region}" does not host it. Ask the gateway of the region that does.`,
      );
    case "no other region":
      return fault(
        409,
        `Room "${room}": region "${region}" cannot take it now. Choose another, or wait until it is well.`,
      );
    case "claimed meanwhile":
      return fault(409, `Room "${room}": it was moved by somebody else meanwhile. Look again.`);
    case "called off":
      return fault(409, `Room "${room}": its move was called off meanwhile. Look again.`);
  }
}

function route(method: string, path: string, answer: AdminRoute["answer"]): AdminRoute {
  return { method, path, answer };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join(".")}: ${message}`,
    );
    throw new WrongBody(faults.join("; "));
  }
  return parsed.data;
}

function ok(body: unknown): AdminAnswer {
  return { status: 200, body };
}

function accepted(): AdminAnswer {
  return { status: 202, body: {} };
}

function fault(status: number, error: string): AdminAnswer {
  return { status, body: { error } };
}
