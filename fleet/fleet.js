#!/usr/bin/env node
// Runs fleet/main.ts as it is; `npm run typecheck` checks it.
import { register } from "tsx/esm/api";

register();
await import("./main.ts");
