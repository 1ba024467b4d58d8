import * as z from "zod";
import type { Draining } from "../admin/operations.ts";
import { parseJson } from "../http-body.ts";
import { textOf } from "../store/script.ts";
import type { Valkey } from "../store/valkey.ts";

const KEY = "rooms:draining";

const drainingSchema = z.object({
  kind: z.enum(["drain", "evacuation"]),
  since: z.number(),
  deadline: z.number(),
  done: z.number().optional(),
  of: z.number().optional(),
  left: z.array(z.string()).optional(),
  by: z.string().optional(),
});

/** What a region is doing on an operator's word, as all its pods share it. @throws StoreAway from each */
export class DrainStore {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  async load(): Promise<Draining | undefined> {
    const text = textOf(await this.valkey.command("GET", KEY));
    return text === undefined
      ? undefined
      : (drainingSchema.safeParse(parseJson(Buffer.from(text))).data as Draining | undefined);
  }

  async save(draining: Draining | undefined): Promise<void> {
    await (draining === undefined
      ? this.valkey.command("DEL", KEY)
      : this.valkey.command("SET", KEY, JSON.stringify(draining)));
  }
}
