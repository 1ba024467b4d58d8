import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { contentHash, hashedName } from "../shared/content-hash.ts";
import { labels } from "../shared/kubernetes.ts";
import { fit } from "../shared/names.ts";
import {
  APPS,
  commandPod,
  fencedCommandPod,
  type BackendApp,
  type BackendPodParts,
} from "./backend-pods.ts";

/** Part of every URN beneath it: never change without an alias. */
export const BACKEND_JOBS_TYPE = "meet:app:BackendJobs";

/** Arguments of BackendJobs. */
export interface BackendJobsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly version: string;
  readonly parts: BackendPodParts;
  /** `serve`: another region does all of it, and here it is only awaited that the tables are those of this version. */
  readonly part: "all" | "serve";
  /** Address of the region's room gateway, inside the cluster: only the primary cleans up. */
  readonly gatewayUrl: pulumi.Input<string>;
  /** What must exist before the first pod. */
  readonly podsDependOn: readonly pulumi.Resource[];
  /** @default no administrator is made */
  readonly administrator?: { readonly email: string; readonly password: pulumi.Input<string> };
}

/** With `--check` it changes nothing and fails where a migration is missing (Django documentation, django-admin). */
const MIGRATE = ["python", "manage.py", "migrate"];

/** How long a migration may take before the update gives up on it. */
const MIGRATION_MINUTES = 60;

/** A Job's name goes into a label of its pods, which holds 63 characters; eleven are the hash. */
const JOB_NAME_LENGTH = 52;

/**
 * What the backend image runs to its end: the migration of each version, the first administrator, and two clean-ups
 * each night. Jobs are named by version and content, because a Job's pods cannot be changed: a new version is a new Job,
 * and Pulumi waits until it is complete. Jobs are kept, without ttlSecondsAfterFinished: Kubernetes would delete what
 * Pulumi has in its state, and the next refresh would run it again.
 */
export class BackendJobs extends pulumi.ComponentResource {
  /** Complete once the tables are those of this version. */
  readonly migration: k8s.batch.v1.Job;

  constructor(name: string, args: BackendJobsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(BACKEND_JOBS_TYPE, name, {}, opts);
    if (args.part === "serve") {
      this.migration = this.job(`${name}-tables`, args, APPS.migrate, {
        // The primary is updated first, so it is done already; the tries are for a database that is just failing over.
        backoffLimit: 4,
        activeDeadlineSeconds: 600,
        template: commandPod(APPS.migrate, args.parts, [...MIGRATE, "--check"]),
      });
      this.registerOutputs({ migration: this.migration.metadata.name });
      return;
    }
    this.migration = this.job(`${name}-migrate`, args, APPS.migrate, {
      // A migration that fails for its own sake fails again; the tries are for a database that is just failing over.
      backoffLimit: 4,
      activeDeadlineSeconds: MIGRATION_MINUTES * 60,
      template: commandPod(APPS.migrate, args.parts, [...MIGRATE, "--no-input"]),
    });
    if (args.administrator !== undefined) {
      this.superuser(name, args, args.administrator);
    }
    const cleanUps = {
      [APPS.cleanPendingFiles]: { schedule: "30 0 * * *", command: "clean_pending_files" },
      [APPS.purgeDeletedFiles]: { schedule: "45 0 * * *", command: "purge_deleted_files" },
    } as const;
    for (const app of [APPS.cleanPendingFiles, APPS.purgeDeletedFiles]) {
      this.nightly(name, args, app, cleanUps[app]);
    }
    this.registerOutputs({ migration: this.migration.metadata.name });
  }

  /** The first administrator is made once: a password changed later stays as it is. */
  private superuser(
    name: string,
    args: BackendJobsArgs,
    administrator: NonNullable<BackendJobsArgs["administrator"]>,
  ): void {
    const data = pulumi.all({ DJANGO_SUPERUSER_PASSWORD: administrator.password });
    const secret = new k8s.core.v1.Secret(
      `${name}-superuser`,
      {
        metadata: {
          namespace: args.namespace,
          name: hashedName(APPS.superuser, data),
          labels: labels(APPS.superuser),
        },
        immutable: true,
        stringData: data,
      },
      { parent: this },
    );
    const key = "DJANGO_SUPERUSER_PASSWORD";
    this.job(
      `${name}-superuser`,
      args,
      APPS.superuser,
      {
        backoffLimit: 4,
        activeDeadlineSeconds: 600,
        template: commandPod(
          APPS.superuser,
          args.parts,
          ["python", "manage.py", "shell", "-c", MAKE_SUPERUSER],
          [
            { name: "DJANGO_SUPERUSER_EMAIL", value: administrator.email },
            { name: key, valueFrom: { secretKeyRef: { name: secret.metadata.name, key } } },
          ],
        ),
      },
      [this.migration],
    );
  }

  private job(
    logicalName: string,
    args: BackendJobsArgs,
    app: BackendApp,
    spec: k8s.types.input.batch.v1.JobSpec,
    dependsOn: readonly pulumi.Resource[] = [],
  ): k8s.batch.v1.Job {
    const known = pulumi.output(spec);
    const prefix = fit(
      `${app}-${args.version.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`,
      JOB_NAME_LENGTH,
    );
    return new k8s.batch.v1.Job(
      logicalName,
      {
        metadata: {
          namespace: args.namespace,
          name: known.apply((is) => `${prefix}-${contentHash({ spec: JSON.stringify(is) })}`),
          labels: labels(app),
        },
        spec: known,
      },
      {
        parent: this,
        dependsOn: [...args.podsDependOn, ...dependsOn],
        customTimeouts: { create: `${MIGRATION_MINUTES + 5}m` },
      },
    );
  }

  private nightly(
    name: string,
    args: BackendJobsArgs,
    app: BackendApp,
    { schedule, command }: { readonly schedule: string; readonly command: string },
  ): void {
    new k8s.batch.v1.CronJob(
      `${name}-${app}`,
      {
        metadata: { namespace: args.namespace, name: app, labels: labels(app) },
        spec: {
          schedule,
          timeZone: "Etc/UTC",
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 1,
          jobTemplate: {
            spec: {
              backoffLimit: 2,
              activeDeadlineSeconds: 3600,
              template: fencedCommandPod(
                app,
                args.parts,
                ["python", "manage.py", command],
                args.gatewayUrl,
              ),
            },
          },
        },
      },
      // What it cleans has the tables of this version.
      { parent: this, dependsOn: [...args.podsDependOn, this.migration] },
    );
  }
}

/**
 * Meet's own command, `createsuperuser --password`, sets the password anew each time and shows it in the list of
 * processes; called from here it does neither.
 */
const MAKE_SUPERUSER = [
  "import os",
  "from django.contrib.auth import get_user_model",
  "from django.core.management import call_command",
  'email = os.environ["DJANGO_SUPERUSER_EMAIL"]',
  "known = get_user_model().objects.filter(admin_email=email, is_superuser=True, is_staff=True)",
  'known.exists() or call_command("createsuperuser", email=email, password=os.environ["DJANGO_SUPERUSER_PASSWORD"])',
].join("\n");
