import { SignallingGateway } from "./signalling-gateway.ts";

/** A gateway in a process of its own, whose memory can be measured: says its port, and its heap when asked. */
const gateway = await SignallingGateway.start({
  region: "eu",
  liveKitUrl: process.argv[2] ?? "",
});

process.on("message", () => {
  // The test's own notes are no part of the gateway.
  gateway.counted.length = 0;
  gateway.wishes.length = 0;
  gateway.admissions.length = 0;
  globalThis.gc?.();
  process.send?.({ tunnels: gateway.tunnels.size(), rssBytes: process.memoryUsage().rss });
});
process.send?.({ port: gateway.port });
