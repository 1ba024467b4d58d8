import grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import structPb, { type Struct } from "google-protobuf/google/protobuf/struct_pb.js";

import type { CloudOptions } from "../../../rehearsal/cloud/inventory.ts";
import { startCloud, type RunningCloud } from "../../../rehearsal/cloud/start.ts";
import { isMap, plainMap, text, type ValueMap } from "../../../rehearsal/cloud/values.ts";

/** A resource as a test holds it. */
export interface Made {
  readonly urn: string;
  readonly id: string;
  readonly outputs: ValueMap;
  /** As the engine would keep them, with secret marks. */
  readonly raw: ValueMap;
  readonly inputs: ValueMap;
}

type Client = InstanceType<typeof providerGrpc.ResourceProviderClient>;

/** One provider instance of one stack: a connection of its own, as the engine dials it. */
export class Instance {
  readonly client: Client;
  readonly #stack: string;

  constructor(port: number, stack: string) {
    // A subchannel of its own: grpc-js would otherwise share one connection between clients.
    this.client = new providerGrpc.ResourceProviderClient(
      `127.0.0.1:${port}`,
      grpc.credentials.createInsecure(),
      { "grpc.use_local_subchannel_pool": 1 },
    );
    this.#stack = stack;
  }

  async configure(args: ValueMap): Promise<this> {
    const request = new pb.ConfigureRequest();
    request.setArgs(struct(args));
    await new Promise<void>((resolve, reject) => {
      this.client.configure(request, (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(new Error(error.details));
        }
      });
    });
    return this;
  }

  urn(type: string, name: string): string {
    return `urn:pulumi:${this.#stack}::test::${type}::${name}`;
  }

  async check(type: string, name: string, news: ValueMap, olds: ValueMap = {}): Promise<ValueMap> {
    const request = new pb.CheckRequest();
    request.setUrn(this.urn(type, name));
    request.setNews(struct(news));
    request.setOlds(struct(olds));
    request.setRandomseed(Buffer.from("seed"));
    return new Promise((resolve, reject) => {
      this.client.check(request, (error, response) => {
        if (error === null) {
          resolve(values(response.getInputs()));
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }

  async create(type: string, name: string, inputs: ValueMap, preview = false): Promise<Made> {
    const checked = await this.check(type, name, inputs);
    const urn = this.urn(type, name);
    const request = new pb.CreateRequest();
    request.setUrn(urn);
    request.setProperties(struct(checked));
    request.setPreview(preview);
    return new Promise((resolve, reject) => {
      this.client.create(request, (error, response) => {
        if (error === null) {
          const raw = values(response.getProperties());
          resolve({ urn, id: response.getId(), outputs: plainMap(raw), raw, inputs: checked });
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }

  async diff(
    made: Made,
    news: ValueMap,
  ): Promise<{ changed: boolean; replaces: string[]; deleteFirst: boolean }> {
    const request = new pb.DiffRequest();
    request.setUrn(made.urn);
    request.setId(made.id);
    request.setOldInputs(struct(made.inputs));
    request.setOlds(struct(made.raw));
    request.setNews(struct(news));
    return new Promise((resolve, reject) => {
      this.client.diff(request, (error, response) => {
        if (error === null) {
          resolve({
            changed: response.getChanges() === pb.DiffResponse.DiffChanges.DIFF_SOME,
            replaces: response.getReplacesList(),
            deleteFirst: response.getDeletebeforereplace(),
          });
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }

  async update(made: Made, changes: ValueMap, preview = false): Promise<Made> {
    const inputs = { ...made.inputs, ...changes };
    const request = new pb.UpdateRequest();
    request.setUrn(made.urn);
    request.setId(made.id);
    request.setOlds(struct(made.raw));
    request.setNews(struct(inputs));
    request.setPreview(preview);
    return new Promise((resolve, reject) => {
      this.client.update(request, (error, response) => {
        if (error === null) {
          const raw = values(response.getProperties());
          resolve({ ...made, raw, outputs: plainMap(raw), inputs });
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }

  async read(made: Pick<Made, "urn" | "id">): Promise<Made | undefined> {
    const request = new pb.ReadRequest();
    request.setUrn(made.urn);
    request.setId(made.id);
    return new Promise((resolve, reject) => {
      this.client.read(request, (error, response) => {
        if (error !== null) {
          reject(new Error(error.details));
        } else if (response.getId() === "") {
          resolve(undefined);
        } else {
          const raw = values(response.getProperties());
          const inputs = values(response.getInputs());
          resolve({ urn: made.urn, id: response.getId(), raw, outputs: plainMap(raw), inputs });
        }
      });
    });
  }

  async remove(made: Made): Promise<void> {
    const request = new pb.DeleteRequest();
    request.setUrn(made.urn);
    request.setId(made.id);
    request.setProperties(struct(made.raw));
    await new Promise<void>((resolve, reject) => {
      this.client.delete(request, (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }

  async invoke(token: string, args: ValueMap): Promise<ValueMap> {
    const request = new pb.InvokeRequest();
    request.setTok(token);
    request.setArgs(struct(args));
    return new Promise((resolve, reject) => {
      this.client.invoke(request, (error, response) => {
        if (error === null) {
          resolve(values(response.getReturn()));
        } else {
          reject(new Error(error.details));
        }
      });
    });
  }
}

/** A cloud with provider instances of two stacks, `eu` in eu-west-3 and `us` in us-east-1. */
export class World {
  readonly running: RunningCloud;
  readonly eu: Instance;
  readonly us: Instance;
  readonly cloudflare: Instance;
  readonly #instances: Instance[] = [];

  private constructor(running: RunningCloud) {
    this.running = running;
    this.eu = this.instance("aws", "eu");
    this.us = this.instance("aws", "us");
    this.cloudflare = this.instance("cloudflare", "eu");
  }

  static async open(options: CloudOptions = {}): Promise<World> {
    const world = new World(await startCloud({ patienceMilliseconds: 0, ...options }));
    await world.eu.configure({ region: "eu-west-3" });
    await world.us.configure({ region: "us-east-1" });
    await world.cloudflare.configure({ apiToken: "token" });
    return world;
  }

  get cloud() {
    return this.running.cloud;
  }

  /** A new provider instance that is not configured yet. */
  instance(provider: string, stack: string): Instance {
    const instance = new Instance(this.running.ports[provider] ?? 0, stack);
    this.#instances.push(instance);
    return instance;
  }

  /** A Kubernetes provider instance for the cluster with that endpoint. */
  async kubernetes(server: string, stack = "eu"): Promise<Instance> {
    const kubeconfig = JSON.stringify({
      "current-context": "main",
      contexts: [{ name: "main", context: { cluster: "main" } }],
      clusters: [{ name: "main", cluster: { server } }],
    });
    return this.instance("kubernetes", stack).configure({ kubeconfig });
  }

  async close(): Promise<void> {
    for (const { client } of this.#instances) {
      client.close();
    }
    await this.running.close();
  }
}

/** An output as text. */
export function output(made: Made, path: string): string {
  return text(made.outputs, path) ?? "";
}

function struct(map: ValueMap): Struct {
  return structPb.Struct.fromJavaScript(Object.fromEntries(Object.entries(map)));
}

function values(value: Struct | undefined): ValueMap {
  const map: unknown = value?.toJavaScript();
  return isMap(map) ? map : {};
}
