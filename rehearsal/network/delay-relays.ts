import * as z from "zod";
import { Relay } from "./relay.ts";

const linkSchema = z.strictObject({
  port: z.number(),
  target: z.strictObject({ host: z.string(), port: z.number() }),
  delayMs: z.number(),
});
/** One relay of a place: where it listens, where it leads, and the delay of one way. */
export type DelayedLink = z.output<typeof linkSchema>;

/**
 * Runs the relays of a place, in that place, so that a cut of its links holds for what they pass on: `node --import tsx
 * delay-relays.ts HOST JSON`. They delay what TCP carries.
 */
async function main(host: string, text: string): Promise<void> {
  for (const { port, target, delayMs } of z.array(linkSchema).parse(JSON.parse(text))) {
    await new Relay({ host, target, delayMs }).start(port);
  }
  process.stdout.write("listening\n");
}

const [, , host = "127.0.0.1", links = "[]"] = process.argv;
await main(host, links);
