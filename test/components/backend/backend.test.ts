import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Backend, BACKEND_TYPE, type BackendArgs } from "../../../components/backend/backend.ts";
import { bucketPolicy, outsidePorts } from "../../../components/backend/backend-policies.ts";
import { IS_PRIMARY_SCRIPT, READINESS_SCRIPT } from "../../../components/backend/readiness.ts";
import { record, type Recorded, type Recording } from "../../support/record.ts";

const SECRETS = {
  database: "postgresql://meet:hidden-database@db:5432/meet?sslmode=verify-full",
  valkey: "rediss://:hidden-valkey@valkey:6379",
  key: "hidden-key",
  secret: "hidden-livekit",
  oidc: "hidden-oidc",
  mail: "hidden-mail",
  django: "hidden-django",
  administrator: "hidden-administrator",
};

const ARGS: BackendArgs = {
  namespace: "meet",
  clusterName: "meet-eu",
  version: "v1.27.0",
  vpcCidr: "10.1.0.0/16",
  domain: "example.org",
  regionalHost: "meet.eu.example.org",
  livekitUrl: "https://livekit.example.org",
  databaseUrl: pulumi.secret(SECRETS.database),
  valkeyUrl: pulumi.secret(SECRETS.valkey),
  livekitKeys: { apiKey: pulumi.secret(SECRETS.key), apiSecret: pulumi.secret(SECRETS.secret) },
  oidc: {
    clientId: "meet",
    authorizationEndpoint: "https://id.example.org/auth",
    tokenEndpoint: "https://id.example.org:8443/token",
    userEndpoint: "https://id.example.org/userinfo",
    jwksEndpoint: "https://id.example.org/jwks",
    scopes: "openid email",
    signAlgorithm: "RS256",
  },
  gatewayUrl: "http://rooms.meet.svc.cluster.local:8080",
  oidcClientSecret: pulumi.secret(SECRETS.oidc),
  mail: {
    host: "smtp.example.org",
    port: 587,
    user: "meet",
    from: "meet@example.org",
    tls: "starttls",
    brandName: "Example",
  },
  mailPassword: pulumi.secret(SECRETS.mail),
  administrator: { email: "admin@example.org", password: pulumi.secret(SECRETS.administrator) },
  djangoSecretKey: pulumi.secret(SECRETS.django),
  caBundle: "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
  bucket: {
    kind: "aws",
    name: "recordings-eu",
    arn: "arn:aws:s3:::recordings-eu",
    awsRegion: "eu-west-3",
  },
  recordings: { expirationDays: 90, maxDurationMinutes: 120 },
  roleName: "meet-eu-backend",
  frontend: { replicas: 2 },
  backend: { minReplicas: 2, maxReplicas: 8, workers: 3 },
  tags: { "meet:stack": "eu" },
};

let whole: Promise<Recording<Backend>> | undefined;

/** Recorded once for all tests that change nothing. */
function make(args?: Partial<BackendArgs>): Promise<Recording<Backend>> {
  const run = (): Promise<Recording<Backend>> =>
    record(() => new Backend("backend", { ...ARGS, ...args }));
  return args === undefined ? (whole ??= run()) : run();
}

const TYPES = {
  deployment: "kubernetes:apps/v1:Deployment",
  job: "kubernetes:batch/v1:Job",
  cronJob: "kubernetes:batch/v1:CronJob",
  service: "kubernetes:core/v1:Service",
  secret: "kubernetes:core/v1:Secret",
  configMap: "kubernetes:core/v1:ConfigMap",
  policy: "kubernetes:networking.k8s.io/v1:NetworkPolicy",
  account: "kubernetes:core/v1:ServiceAccount",
};

// Test harness: recorded inputs are plain JSON; what is read of a pod is spelled out here.
interface PodSpec {
  containers: [
    {
      args?: string[];
      command?: string[];
      image: string;
      env?: {
        name: string;
        value?: string;
        valueFrom?: { secretKeyRef: { name: string; key: string } };
      }[];
      securityContext: Record<string, unknown>;
      resources: { requests: Record<string, string>; limits: Record<string, string> };
      volumeMounts: { name: string; mountPath: string }[];
      livenessProbe?: Record<string, unknown>;
      readinessProbe?: Record<string, unknown>;
      lifecycle?: unknown;
    },
  ];
  volumes: Record<string, unknown>[];
  securityContext: Record<string, unknown>;
  serviceAccountName: string;
  terminationGracePeriodSeconds?: number;
  restartPolicy?: string;
  automountServiceAccountToken: boolean;
  enableServiceLinks: boolean;
}

interface Spec {
  template?: { spec: PodSpec };
  jobTemplate?: { spec: { template: { spec: PodSpec } } };
}

function podOf(resource: Recorded): PodSpec {
  const spec = resource.inputs["spec"] as Spec;
  const pod = (spec.template ?? spec.jobTemplate?.spec.template)?.spec;
  if (pod === undefined) {
    throw new Error(`${resource.name} has no pod`);
  }
  return pod;
}

function metadata(resource: Recorded): { name: string; namespace: string } {
  return resource.inputs["metadata"] as { name: string; namespace: string };
}

function pods(recording: Recording<unknown>): [string, PodSpec][] {
  return [TYPES.deployment, TYPES.job, TYPES.cronJob]
    .flatMap((type) => recording.ofType(type))
    .map((resource) => [resource.name, podOf(resource)]);
}

describe("Backend", () => {
  it("makes exactly these resources", async () => {
    const recording = await make();
    const made = recording.all.map(({ type, name }) => `${type.split(":").at(-1) ?? ""} ${name}`);
    expect(made.sort()).toEqual([
      "Backend backend",
      "BackendJobs backend-jobs",
      "BackendSettings backend-settings",
      "ConfigMap backend-settings-rds-ca",
      "CronJob backend-jobs-clean-pending-files",
      "CronJob backend-jobs-purge-deleted-files",
      "Deployment backend-backend",
      "Deployment backend-celery",
      "Deployment backend-frontend",
      "HorizontalPodAutoscaler backend",
      "Job backend-jobs-migrate",
      "Job backend-jobs-superuser",
      "NetworkPolicy backend-backend",
      "NetworkPolicy backend-frontend",
      "NetworkPolicy backend-frontend-outbound",
      "NetworkPolicy backend-outbound",
      "PodDisruptionBudget backend-backend",
      "PodDisruptionBudget backend-frontend",
      "PodIdentityAssociation backend",
      "Role backend-role",
      "RolePolicy backend-bucket",
      "Secret backend-jobs-superuser",
      "Secret backend-settings",
      "Service backend-backend",
      "Service backend-frontend",
      "ServiceAccount backend-backend",
      "ServiceAccount backend-frontend",
    ]);
  });

  it("makes the same resources in a preview", async () => {
    const update = await make();
    const preview = await record(() => new Backend("backend", ARGS), { preview: true });
    const urns = ({ all }: Recording<unknown>): string[] => all.map(({ urn }) => urn).sort();
    expect(urns(preview)).toEqual(urns(update));
  });

  it("needs no administrator and no mail user", async () => {
    const { administrator, mailPassword, ...rest } = ARGS;
    expect([administrator, mailPassword]).not.toContain(undefined);
    const { user, ...mail } = ARGS.mail;
    expect(user).toBe("meet");
    const recording = await record(() => new Backend("backend", { ...rest, mail }));
    expect(recording.ofType(TYPES.job).map(({ name }) => name)).toEqual(["backend-jobs-migrate"]);
    const pod = podOf(recording.one(TYPES.deployment, "backend-backend"));
    expect(JSON.stringify(pod)).not.toContain("DJANGO_EMAIL_HOST_PASSWORD");
  });
});

describe("every pod of Meet", () => {
  it("is restricted: no root, no privilege, no writable root file system, no token", async () => {
    for (const [name, pod] of pods(await make())) {
      const [container] = pod.containers;
      expect(pod.securityContext, name).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1001,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(container.securityContext, name).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(pod.automountServiceAccountToken, name).toBe(false);
      expect(pod.enableServiceLinks, name).toBe(false);
      expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain("/tmp");
      expect(container.resources.requests["cpu"], name).toMatch(/m$/);
      expect(container.resources.limits["memory"], name).toMatch(/Mi$/);
    }
  });

  it("keeps the image's entrypoint: commands are arguments", async () => {
    const recording = await make();
    const commands = pods(recording).map(([name, { containers }]) => [
      name,
      containers[0].command,
      containers[0].args?.join(" ").split("\n")[0],
    ]);
    expect(commands.sort()).toEqual([
      ["backend-backend", undefined, undefined],
      [
        "backend-celery",
        undefined,
        "celery -A meet.celery_app worker --pool=solo --loglevel=info -Q meet-backend",
      ],
      ["backend-frontend", undefined, undefined],
      ["backend-jobs-clean-pending-files", undefined, "python manage.py clean_pending_files"],
      ["backend-jobs-migrate", undefined, "python manage.py migrate --no-input"],
      ["backend-jobs-purge-deleted-files", undefined, "python manage.py purge_deleted_files"],
      ["backend-jobs-superuser", undefined, "python manage.py shell -c import os"],
    ]);
  });

  it("runs an exact image", async () => {
    const images = new Set(pods(await make()).map(([, { containers }]) => containers[0].image));
    expect([...images].sort()).toEqual([
      "docker.io/lasuite/meet-backend:v1.27.0",
      "docker.io/lasuite/meet-frontend:v1.27.0",
    ]);
  });
});

describe("Meet's secrets", () => {
  it("are in Secrets only: not in a ConfigMap, an environment, a name or an AWS resource", async () => {
    const recording = await make();
    for (const resource of recording.all) {
      if (resource.type !== TYPES.secret) {
        expect(JSON.stringify(resource.inputs), resource.name).not.toContain("hidden-");
      }
    }
    const secret = JSON.stringify(recording.one(TYPES.secret, "backend-settings").inputs);
    for (const [key, text] of Object.entries(SECRETS)) {
      expect(secret.includes(text.split("@")[0] ?? text), key).toBe(key !== "administrator");
    }
    expect(JSON.stringify(recording.one(TYPES.secret, "backend-jobs-superuser").inputs)).toContain(
      SECRETS.administrator,
    );
  });

  it("are recorded as secret", async () => {
    for (const { inputs } of (await make()).ofType(TYPES.secret)) {
      expect(JSON.stringify(inputs["stringData"])).toMatch(/^\{"\[secret\]"/);
    }
  });

  it("are files where Meet reads files, and variables by reference where it does not", async () => {
    const recording = await make();
    const secretName = metadata(recording.one(TYPES.secret, "backend-settings")).name;
    const pod = podOf(recording.one(TYPES.deployment, "backend-backend"));
    const references = (pod.containers[0].env ?? []).filter(({ valueFrom }) => valueFrom);
    expect(references).toEqual(
      ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"].map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: secretName, key } },
      })),
    );
    const files = [
      "DJANGO_SECRET_KEY",
      "OIDC_RP_CLIENT_SECRET",
      "LIVEKIT_API_KEY",
      "LIVEKIT_API_SECRET",
      "DJANGO_EMAIL_HOST_PASSWORD",
    ];
    expect(pod.volumes).toContainEqual({
      name: "secrets",
      secret: {
        secretName,
        defaultMode: 0o440,
        items: files.map((key) => ({ key, path: key })),
      },
    });
    const named = (pod.containers[0].env ?? []).filter(({ name }) => name.endsWith("_FILE"));
    expect(named.map(({ value }) => value).sort()).toEqual(
      files.map((file) => `/etc/meet/secrets/${file}`).sort(),
    );
  });

  it("reach Valkey's two databases with verified certificates", async () => {
    const { inputs } = (await make()).one(TYPES.secret, "backend-settings");
    const query = "?ssl_cert_reqs=required&ssl_check_hostname=True";
    expect(inputs["stringData"]).toMatchObject({
      "[secret]": {
        CELERY_BROKER_URL: `rediss://:hidden-valkey@valkey:6379/0${query}`,
        REDIS_URL: `rediss://:hidden-valkey@valkey:6379/1${query}`,
      },
    });
  });

  it("make a new Secret, a new revision and a new Job when they change", async () => {
    const before = await make();
    const after = await make({ djangoSecretKey: pulumi.secret("hidden-other") });
    const secret = (recording: Recording<unknown>): string =>
      metadata(recording.one(TYPES.secret, "backend-settings")).name;
    expect(secret(before)).toMatch(/^backend-[0-9a-f]{10}$/);
    expect(secret(after)).not.toBe(secret(before));
    for (const type of [TYPES.deployment, TYPES.job]) {
      const name = type === TYPES.job ? "backend-jobs-migrate" : "backend-backend";
      expect(JSON.stringify(podOf(after.one(type, name)))).toContain(secret(after));
    }
    const job = (recording: Recording<unknown>): string =>
      metadata(recording.one(TYPES.job, "backend-jobs-migrate")).name;
    expect(job(after)).not.toBe(job(before));
  });
});

describe("the API", () => {
  const api = async (): Promise<PodSpec> =>
    podOf((await make()).one(TYPES.deployment, "backend-backend"));

  it("lives by gunicorn alone, and is ready only with its database and while no other region was promoted", async () => {
    const [container] = (await api()).containers;
    const httpHeaders = [{ name: "Host", value: "meet.example.org" }];
    expect(container.livenessProbe).toEqual({
      httpGet: { path: "/__lbheartbeat__", port: "http", httpHeaders },
      timeoutSeconds: 5,
      periodSeconds: 10,
      failureThreshold: 12,
    });
    expect(container.readinessProbe).toEqual({
      exec: {
        command: [
          ...["python", "-c", READINESS_SCRIPT],
          ...["http://127.0.0.1:8000/__heartbeat__", "meet.example.org"],
          "http://rooms.meet.svc.cluster.local:8080/primary",
        ],
      },
      timeoutSeconds: 10,
      periodSeconds: 10,
      failureThreshold: 3,
    });
  });

  it("gets more time to end than gunicorn takes", async () => {
    const pod = await api();
    expect(pod.containers[0].lifecycle).toEqual({ preStop: { sleep: { seconds: 10 } } });
    expect(pod.terminationGracePeriodSeconds).toBe(120);
  });

  it("finds the database's certificates where its address says", async () => {
    const recording = await make();
    const pod = podOf(recording.one(TYPES.deployment, "backend-backend"));
    const bundle = recording.one(TYPES.configMap, "backend-settings-rds-ca");
    expect(bundle.inputs["data"]).toEqual({ "ca.pem": ARGS.caBundle });
    expect(pod.volumes).toContainEqual({
      name: "rds-ca",
      configMap: { name: metadata(bundle).name },
    });
    expect(pod.containers[0].volumeMounts).toContainEqual({
      name: "rds-ca",
      mountPath: "/etc/meet/rds",
      readOnly: true,
    });
  });

  it("grows with its load, and Pulumi leaves the number alone", async () => {
    const recording = await make();
    const deployment = recording.one(TYPES.deployment, "backend-backend");
    expect(deployment.ignoreChanges).toEqual(["spec.replicas"]);
    expect(recording.one(TYPES.deployment, "backend-celery").ignoreChanges).toEqual([]);
    expect(
      recording.one("kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs["spec"],
    ).toMatchObject({
      scaleTargetRef: { kind: "Deployment", name: "backend" },
      minReplicas: 2,
      maxReplicas: 8,
    });
  });

  it("loses no pod in a roll-out and one at a time in a drain", async () => {
    const recording = await make();
    for (const app of ["backend", "frontend"]) {
      expect(recording.one(TYPES.deployment, `backend-${app}`).inputs["spec"]).toMatchObject({
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      });
      expect(
        recording.one("kubernetes:policy/v1:PodDisruptionBudget", `backend-${app}`).inputs["spec"],
      ).toMatchObject({
        maxUnavailable: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": app } },
      });
    }
  });

  it.each([
    ["frontend", 8080, 30081],
    ["backend", 8000, 30082],
  ])("and frontend are reached by fixed NodePorts: %s", async (app, port, nodePort) => {
    const { inputs } = (await make()).one(TYPES.service, `backend-${app}`);
    expect(inputs["spec"]).toMatchObject({
      type: "NodePort",
      selector: { "app.kubernetes.io/name": app },
      ports: [{ port, nodePort, targetPort: "http" }],
    });
  });
});

describe("the migration", () => {
  it("is complete before any pod of its version, and after the role is there", async () => {
    const recording = await make();
    const job = recording.one(TYPES.job, "backend-jobs-migrate");
    for (const { name, dependsOn } of recording.ofType(TYPES.deployment)) {
      expect(dependsOn, name).toContain(job.urn);
    }
    expect(recording.one(TYPES.job, "backend-jobs-superuser").dependsOn).toContain(job.urn);
    const association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation");
    expect(job.dependsOn).toContain(association.urn);
    expect(job.dependsOn).toContain(recording.one("aws:iam/rolePolicy:RolePolicy").urn);
  });

  it("is a new Job for each version, named by it", async () => {
    const name = async (version: string): Promise<string> =>
      metadata((await make({ version })).one(TYPES.job, "backend-jobs-migrate")).name;
    const [first, again, next] = [
      await name("v1.27.0"),
      await name("v1.27.0"),
      await name("v1.28.0"),
    ];
    expect(first).toMatch(/^migrate-v1-27-0-[0-9a-f]{10}$/);
    expect(again).toBe(first);
    expect(next).toMatch(/^migrate-v1-28-0-[0-9a-f]{10}$/);
    expect((await name(`1.0.0-${"x".repeat(80)}`)).length).toBeLessThanOrEqual(63);
  });

  it("is never deleted under Pulumi's hands, and is waited for", async () => {
    const job = (await make()).one(TYPES.job, "backend-jobs-migrate");
    expect(job.inputs["spec"]).not.toHaveProperty("ttlSecondsAfterFinished");
    expect(job.inputs["spec"]).toMatchObject({ backoffLimit: 4, activeDeadlineSeconds: 3600 });
    expect(podOf(job).restartPolicy).toBe("Never");
    expect(job.customTimeouts?.create).toBe("65m");
  });
});

describe("the first administrator", () => {
  it("is made once, without the password on a command line", async () => {
    const recording = await make();
    const [container] = podOf(recording.one(TYPES.job, "backend-jobs-superuser")).containers;
    const script = container.args?.at(-1) ?? "";
    expect(script).toContain("known.exists() or call_command");
    expect(script).toContain('os.environ["DJANGO_SUPERUSER_PASSWORD"]');
    const added = (container.env ?? []).filter(({ name }) => name.startsWith("DJANGO_SUPERUSER"));
    expect(added).toEqual([
      { name: "DJANGO_SUPERUSER_EMAIL", value: "admin@example.org" },
      {
        name: "DJANGO_SUPERUSER_PASSWORD",
        valueFrom: {
          secretKeyRef: {
            name: metadata(recording.one(TYPES.secret, "backend-jobs-superuser")).name,
            key: "DJANGO_SUPERUSER_PASSWORD",
          },
        },
      },
    ]);
  });

  it("has a password that no other pod can read", async () => {
    const recording = await make();
    const others = pods(recording).filter(([name]) => name !== "backend-jobs-superuser");
    expect(JSON.stringify(others)).not.toContain("SUPERUSER");
  });
});

describe("the clean-ups", () => {
  it.each([
    ["clean-pending-files", "30 0 * * *"],
    ["purge-deleted-files", "45 0 * * *"],
  ])(
    "%s run each night, never twice at once, and only where the gateway says that this is the primary",
    async (app, schedule) => {
      const { inputs } = (await make()).one(TYPES.cronJob, `backend-jobs-${app}`);
      expect(inputs["spec"]).toMatchObject({
        schedule,
        timeZone: "Etc/UTC",
        concurrencyPolicy: "Forbid",
        jobTemplate: {
          spec: {
            template: {
              spec: {
                restartPolicy: "Never",
                initContainers: [
                  {
                    args: [
                      ...["python", "-c", IS_PRIMARY_SCRIPT],
                      "http://rooms.meet.svc.cluster.local:8080/primary",
                    ],
                  },
                ],
              },
            },
          },
        },
      });
    },
  );
});

describe("the backend's role", () => {
  it("may read, write and delete in the home's own bucket, and no other", async () => {
    const recording = await make();
    expect(recording.one("aws:iam/role:Role").inputs).toMatchObject({ name: "meet-eu-backend" });
    expect(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]).toBe(
      bucketPolicy("arn:aws:s3:::recordings-eu"),
    );
    expect(JSON.parse(bucketPolicy("arn:aws:s3:::b"))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Objects",
          Effect: "Allow",
          Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
          Resource: "arn:aws:s3:::b/*",
        },
        { Sid: "Bucket", Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::b" },
      ],
    });
  });

  it("is that of the ServiceAccount that every pod but the frontend runs as", async () => {
    const recording = await make();
    expect(
      recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation").inputs,
    ).toMatchObject({ clusterName: "meet-eu", namespace: "meet", serviceAccount: "backend" });
    for (const [name, pod] of pods(recording)) {
      expect(pod.serviceAccountName).toBe(name === "backend-frontend" ? "frontend" : "backend");
    }
  });
});

describe("network policies", () => {
  const spec = async (name: string): Promise<unknown> =>
    (await make()).one(TYPES.policy, name).inputs["spec"];

  it.each([
    ["backend", 8000],
    ["frontend", 8080],
  ])("admit the VPC to %s on its port", async (app, port) => {
    expect(await spec(`backend-${app}`)).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": app } },
      policyTypes: ["Ingress"],
      ingress: [
        { from: [{ ipBlock: { cidr: "10.1.0.0/16" } }], ports: [{ protocol: "TCP", port }] },
      ],
    });
  });

  it("let the frontend ask nobody", async () => {
    expect(await spec("backend-frontend-outbound")).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "frontend" } },
      policyTypes: ["Egress"],
    });
  });

  it("hold all pods of the backend image, on these ports only", async () => {
    const policy = (await spec("backend-outbound")) as {
      podSelector: { matchExpressions: { values: string[] }[] };
      egress: { ports: { port: number }[] }[];
    };
    expect(policy).toMatchObject({ policyTypes: ["Ingress", "Egress"] });
    expect(policy).not.toHaveProperty("ingress");
    expect(policy.podSelector.matchExpressions[0]?.values.sort()).toEqual([
      "backend",
      "celery",
      "clean-pending-files",
      "migrate",
      "purge-deleted-files",
      "superuser",
    ]);
    const ports = policy.egress.flatMap((rule) => rule.ports.map(({ port }) => port));
    expect(ports).toEqual([53, 53, 80, 443, 5432, 6379, 8080, 587, 8443]);
  });

  it("know the ports of mail server and identity provider", () => {
    const { oidc, mail } = ARGS;
    expect(outsidePorts(oidc, { ...mail, port: 443 })).toEqual([8443]);
    expect(outsidePorts({ ...oidc, tokenEndpoint: oidc.userEndpoint }, mail)).toEqual([587]);
  });
});

describe("Backend refuses", () => {
  const { mailPassword, ...withoutPassword } = ARGS;
  it.each<[string, BackendArgs, string]>([
    [
      "a digest",
      { ...ARGS, version: "v1.27.0@sha256:00" },
      "version v1.27.0@sha256:00 has a digest, and backend and frontend are two images. Give the tag alone.",
    ],
    [
      "a moving tag",
      { ...ARGS, version: "latest" },
      "version latest names no exact version. Use one like v1.27.0.",
    ],
    [
      "a LiveKit address of its own",
      { ...ARGS, livekitUrl: "https://livekit.example.org/rtc" },
      "livekitUrl https://livekit.example.org/rtc is not what browsers use too. " +
        "Give https://livekit.example.org, without a path.",
    ],
    [
      "one backend pod",
      { ...ARGS, backend: { minReplicas: 1, maxReplicas: 4, workers: 3 } },
      "backend.minReplicas 1 leaves no pod when a zone is lost. Use 2 or more.",
    ],
    [
      "one frontend pod",
      { ...ARGS, frontend: { replicas: 1 } },
      "frontend.replicas 1 leaves no pod when a zone is lost. Use 2 or more.",
    ],
    [
      "fewer pods at most than at least",
      { ...ARGS, backend: { minReplicas: 4, maxReplicas: 2, workers: 3 } },
      "backend.maxReplicas 2 is less than minReplicas 4. Raise it.",
    ],
    [
      "no workers",
      { ...ARGS, backend: { minReplicas: 2, maxReplicas: 4, workers: 0 } },
      "backend.workers 0 is no whole number from 1. gunicorn needs one at least.",
    ],
    [
      "a mail user without password",
      withoutPassword,
      "mail.user meet has no mailPassword. Set meet:mailPassword, or leave the user out.",
    ],
    [
      "something else than certificates",
      { ...ARGS, caBundle: "" },
      "caBundle holds no certificate. Give the RDS authorities of the region as PEM.",
    ],
  ])("%s", async (_, args, sentence) => {
    expect(mailPassword).toBeDefined();
    await expect(record(() => new Backend("backend", args))).rejects.toThrow(
      `${BACKEND_TYPE} "backend": ${sentence}`,
    );
  });
});
