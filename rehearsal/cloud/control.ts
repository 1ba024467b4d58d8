import { createServer, type IncomingMessage } from "node:http";

import { z } from "zod";

import type { Cloud } from "./cloud.ts";
import { isMap, type ValueMap } from "./values.ts";

const actionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("delay"), milliseconds: z.number().min(0) }),
  z.strictObject({ kind: z.literal("throttle"), answers: z.number().int().min(1) }),
  z.strictObject({ kind: z.literal("fail"), errorCode: z.string(), message: z.string() }),
  z.strictObject({ kind: z.literal("hang") }),
]);

const faultSchema = z.strictObject({
  type: z.string().optional(),
  name: z.string().optional(),
  operation: z.enum(["create", "read", "update", "delete", "invoke"]).optional(),
  skip: z.number().int().min(0).optional(),
  times: z.number().int().min(1).optional(),
  when: z.enum(["before", "after"]).optional(),
  action: actionSchema,
});

const objectSchema = z.strictObject({ bucket: z.string(), key: z.string() });
const thingSchema = z.strictObject({ type: z.string(), id: z.string() });
const alterSchema = thingSchema.extend({
  inputs: z.custom<ValueMap>((value) => isMap(value), "an object"),
});

/**
 * Serves the cloud's other side on 127.0.0.1, for tests and tools in other processes:
 * GET /inventory, /calls, /faults; POST /faults, /release, /objects, /vanish, /alter; DELETE /faults, /calls.
 */
export async function startControl(
  cloud: Cloud,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    void bodyOf(request)
      .then((body) => route(cloud, `${request.method ?? ""} ${request.url ?? ""}`, body))
      .then(
        (result) => {
          answer(result === undefined ? 404 : 200, result ?? { error: "no such route" });
        },
        (error: unknown) => {
          answer(400, { error: error instanceof Error ? error.message : "failed" });
        },
      );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

function route(cloud: Cloud, call: string, body: unknown): unknown {
  switch (call) {
    case "GET /inventory":
      return cloud.inventory();
    case "GET /calls":
      return cloud.calls;
    case "DELETE /calls":
      return cloud.calls.splice(0).length;
    case "GET /faults":
      return { armed: cloud.faults.armed, hanging: cloud.faults.hanging };
    case "POST /faults":
      return { id: cloud.faults.add(withoutUndefined(faultSchema.parse(body))) };
    case "DELETE /faults":
      cloud.faults.remove();
      return {};
    case "POST /release":
      cloud.faults.release();
      return {};
    case "POST /objects": {
      const { bucket, key } = objectSchema.parse(body);
      cloud.putObject(bucket, key);
      return {};
    }
    case "POST /vanish": {
      const { type, id } = thingSchema.parse(body);
      return { gone: cloud.vanish(type, id) };
    }
    case "POST /alter": {
      const { type, id, inputs } = alterSchema.parse(body);
      cloud.alter(type, id, inputs);
      return {};
    }
    default:
      return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let content = "";
  for await (const chunk of request.setEncoding("utf8")) {
    content += String(chunk);
  }
  return content === "" ? undefined : JSON.parse(content);
}

/** zod gives `undefined` for what is left out; a fault's optional selectors are absent instead. */
function withoutUndefined(
  fault: z.infer<typeof faultSchema>,
): Parameters<Cloud["faults"]["add"]>[0] {
  const { type, name, operation, skip, times, when, action } = fault;
  return {
    ...(type === undefined ? {} : { type }),
    ...(name === undefined ? {} : { name }),
    ...(operation === undefined ? {} : { operation }),
    ...(skip === undefined ? {} : { skip }),
    ...(times === undefined ? {} : { times }),
    ...(when === undefined ? {} : { when }),
    action,
  };
}
