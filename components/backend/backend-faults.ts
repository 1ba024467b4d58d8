import { Faults } from "../shared/faults.ts";
import type { BackendArgs } from "./backend.ts";
import { isPublicLivekitUrl } from "./meet-environment.ts";

/** Three numbers, and what may follow them; not "latest", not "v1". */
const EXACT_TAG = /^v?\d+\.\d+\.\d+[\w.-]*$/;

/** Everything that is wrong with the arguments of Backend. */
export function backendFaults(type: string, name: string, args: BackendArgs): Faults {
  const faults = new Faults(type, name);
  const { minReplicas, maxReplicas, workers } = args.backend;
  faults.when(
    args.version.includes("@"),
    `version ${args.version} has a digest, and backend and frontend are two images. Give the tag alone.`,
  );
  faults.when(
    !args.version.includes("@") && !EXACT_TAG.test(args.version),
    `version ${args.version} names no exact version. Use one like v1.27.0.`,
  );
  faults.when(
    !isPublicLivekitUrl(args.livekitUrl, args.domain),
    `livekitUrl ${args.livekitUrl} is not what browsers use too. Give https://livekit.${args.domain}, without a path.`,
  );
  for (const [what, replicas] of Object.entries({
    "backend.minReplicas": minReplicas,
    "frontend.replicas": args.frontend.replicas,
  })) {
    faults.when(
      !Number.isInteger(replicas) || replicas < 2,
      `${what} ${replicas} leaves no pod when a zone is lost. Use 2 or more.`,
    );
  }
  faults.when(
    maxReplicas < minReplicas,
    `backend.maxReplicas ${maxReplicas} is less than minReplicas ${minReplicas}. Raise it.`,
  );
  faults.when(
    !Number.isInteger(workers) || workers < 1,
    `backend.workers ${workers} is no whole number from 1. gunicorn needs one at least.`,
  );
  faults.when(
    args.mail.user !== undefined && args.mailPassword === undefined,
    `mail.user ${args.mail.user ?? ""} has no mailPassword. Set meet:mailPassword, or leave the user out.`,
  );
  faults.when(
    !args.caBundle.includes("-----BEGIN CERTIFICATE-----"),
    "caBundle holds no certificate. Give the RDS authorities of the region as PEM.",
  );
  return faults;
}
