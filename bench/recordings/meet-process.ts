import { FakeMeet } from "../../test/support/recordings/fake-meet.ts";

/** A Meet in a process of its own, with one recording of alice's: its id is the first word. Ends with its input. */
const meet = await FakeMeet.start();
meet.recording(process.argv[2] ?? "", "alice");
process.stdout.write(`${meet.url}\n`);
process.stdin.resume().once("end", () => process.exit(0));
