import { connect } from "node:net";
import { RoomCompositeEgressRequest, EncodedFileOutput, S3Upload } from "@livekit/protocol";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TWIRP_STATUS } from "../../../services/rooms/livekit/twirp-error.ts";
import {
  API_SECRET,
  apiToken,
  errorOf,
  fullToken,
  TwirpFleet,
} from "../../support/rooms/twirp-fleet.ts";

const METHODS = [
  "RoomService/ListRooms",
  "RoomService/CreateRoom",
  "RoomService/SendData",
  "RoomService/Whatever",
  "Egress/StartRoomCompositeEgress",
  "Egress/StartEgress",
  "Egress/StopEgress",
  "Egress/ListEgress",
  "AgentDispatchService/CreateDispatch",
  "SIP/CreateSIPDispatchRule",
  "SIP/ListSIPDispatchRule",
  "SIP/DeleteSIPDispatchRule",
] as const;
const SECRETS = ["s3cr3t-of-the-bucket", API_SECRET, "peer-token-of-this-test"] as const;

describe("bodies, tokens and headers that nobody would send", () => {
  const times = { callMs: 2000, startMs: 2500 };
  const fleet = new TwirpFleet({ hasRegionalStorage: true, times, clockFactor: 40 });

  beforeAll(async () => {
    await fleet.start();
    fleet.addRoom("standup", fleet.us);
  });
  afterAll(async () => {
    await fleet.stop();
    const lines = [...fleet.eu.lines, ...fleet.us.lines].join("\n");
    expect(lines.length).toBeGreaterThan(1000);
    for (const secret of [...SECRETS, "eyJ", "Bearer"]) {
      expect(lines).not.toContain(secret);
    }
  });

  /** A Twirp answer in time: 200, or an error with a code that Twirp has and the status that belongs to it. */
  async function expectAnswer(
    method: string,
    body: Uint8Array | string,
    options: Parameters<typeof fleet.eu.call>[2] = {},
  ): Promise<void> {
    const answer = await fleet.eu.call(method, body, { timeoutMs: 3500, ...options });
    if (answer.status === 200) {
      return;
    }
    const { code, msg } = errorOf(answer);
    expect(Object.entries(TWIRP_STATUS)).toContainEqual([code, answer.status]);
    expect(code).not.toBe("internal");
    for (const secret of SECRETS) {
      expect(msg).not.toContain(secret);
    }
  }

  it("are answered as Twirp has it: random bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHODS),
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom("application/protobuf", "application/json"),
        (method, body, contentType) => expectAnswer(method, body, { contentType }),
      ),
      { numRuns: 400 },
    );
  });

  it("are answered as Twirp has it: messages cut short or with a byte changed", async () => {
    const whole = Buffer.from(
      new RoomCompositeEgressRequest({
        roomName: "standup",
        fileOutputs: [
          new EncodedFileOutput({
            filepath: "a.mp4",
            output: { case: "s3", value: new S3Upload({ secret: SECRETS[0], bucket: "b" }) },
          }),
        ],
      }).toBinary(),
    );
    const place = fc.nat({ max: whole.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHODS),
        place,
        fc.nat({ max: 255 }),
        fc.boolean(),
        (method, at, value, isCut) => {
          const body = Buffer.from(isCut ? whole.subarray(0, at) : whole);
          if (!isCut) {
            body[at] = value;
          }
          return expectAnswer(method, body);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are answered as Twirp has it: any JSON under the names of fields", async () => {
    const key = fc.constantFrom(
      ...["room", "room_name", "roomName", "names", "name", "egress_id", "egressId", "rule"],
      ...["dispatch_rule_direct", "file_outputs", "fileOutputs", "s3", "__proto__", "toString"],
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom("standup", SECRETS[0], "", null, 1e400, true),
        fc.string(),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHODS),
        fc.dictionary(key, json, { maxKeys: 4 }),
        (method, body) => expectAnswer(method, JSON.stringify(body)),
      ),
      { numRuns: 400 },
    );
  });

  it.each([
    ["lists", "[", "]"],
    ["objects", '{"room":', "}"],
    ["objects on the way to a bucket", '{"file_outputs":', "}"],
    ["lists on the way to a bucket", '[{"outputs":', "}]"],
  ])("are answered as Twirp has it: %s a hundred thousand deep", async (_, open, close) => {
    const deep = `{"room":"standup","room_name":"standup","file_outputs":${open.repeat(100_000)}1${close.repeat(100_000)}}`;
    for (const method of ["RoomService/SendData", "Egress/StartRoomCompositeEgress"]) {
      await expectAnswer(method, deep);
    }
  });

  it("are answered as Twirp has it: ten megabytes", async () => {
    await expectAnswer("RoomService/SendData", Buffer.alloc(10 * 1024 * 1024, 0x0a));
    await expectAnswer("RoomService/SendData", Buffer.alloc(11 * 1024 * 1024, 0x20), {
      contentType: "application/json",
    });
    const names = JSON.stringify({ names: Array.from({ length: 50_000 }, (_, at) => `r${at}`) });
    await expectAnswer("RoomService/ListRooms", names);
  });

  it("are answered as Twirp has it: tokens", async () => {
    const good = fullToken();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: "binary-ascii", maxLength: 100 }).map(printable),
          fc.nat({ max: good.length }).map((at) => good.slice(0, at)),
          fc.base64String({ maxLength: 60 }).map((text) => `${good.split(".")[0] ?? ""}.${text}.`),
          fc.jsonValue().map((value) => apiToken({}, { iss: value as never, exp: value as never })),
        ),
        async (token) => {
          const answer = await fleet.eu.call("RoomService/ListRooms", "{}", { token });
          if (token !== good) {
            expect([answer.status, errorOf(answer).code]).toEqual([401, "unauthenticated"]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("leave the gateway alive when connections break in the middle", async () => {
    const port = Number(new URL(fleet.eu.url()).port);
    const request =
      "POST /twirp/livekit.RoomService/SendData HTTP/1.1\r\nhost: a\r\n" +
      `authorization: Bearer ${fullToken()}\r\ncontent-type: application/json\r\n` +
      "content-length: 30\r\n\r\n" +
      '{"room":"standup","data":"aGk="';
    for (let at = 1; at < request.length; at += 7) {
      await new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.end(request.slice(0, at));
          socket.destroy();
          resolve();
        });
        socket.on("error", () => undefined);
      });
    }
    const answer = await fleet.eu.call("RoomService/SendData", '{"room":"standup"}');
    expect(answer.status).toBe(200);
  });

  it("bring no request to record with a bucket to LiveKit", () => {
    const sent = fleet.us.liveKit.callsOf("Egress/StartRoomCompositeEgress");
    expect(sent.length).toBeGreaterThan(0);
    for (const { body, contentType } of sent) {
      const outputs =
        contentType === "application/json"
          ? jsonOutputs(JSON.parse(body.toString()) as Record<string, unknown>)
          : RoomCompositeEgressRequest.fromBinary(body).fileOutputs.map(
              ({ output }) => output.case,
            );
      expect(outputs).not.toContain("s3");
    }
  });
});

/** Keys of the outputs of a request in JSON. */
function jsonOutputs(request: Readonly<Record<string, unknown>>): readonly string[] {
  return [request["file_outputs"], request["fileOutputs"]]
    .flat()
    .flatMap((output) =>
      typeof output === "object" && output !== null && !Array.isArray(output)
        ? Object.keys(output)
        : [],
    );
}

function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, "x");
}
