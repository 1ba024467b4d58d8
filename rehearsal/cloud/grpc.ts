import { createRequire } from "node:module";

import grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type Struct } from "google-protobuf/google/protobuf/struct_pb.js";

import type { Answer, StandInProvider } from "./provider.ts";
import { isMap, text, type ValueMap } from "./values.ts";

/** A provider that is being served. */
export interface Served {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a provider on a free port of 127.0.0.1, in the engine's protocol. */
export async function serve(provider: StandInProvider): Promise<Served> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(providerGrpc.ResourceProviderService, handlers(provider));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) {
        resolve(bound);
      } else {
        reject(error);
      }
    });
  });
  return {
    port,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function handlers(provider: StandInProvider) {
  return {
    handshake: unary(() => {
      const response = new pb.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    }),
    attach: unary(() => new emptyPb.Empty()),
    cancel: unary(() => new emptyPb.Empty()),
    getPluginInfo: unary(() => {
      const response = new pluginPb.PluginInfo();
      response.setVersion(sdkVersion(provider.name));
      return response;
    }),
    checkConfig: unary((request: Pb.CheckRequest) => {
      const response = new pb.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    }),
    diffConfig: unary((request: Pb.DiffRequest) => diffConfig(provider, request)),
    configure: unary((request: Pb.ConfigureRequest, peer) => {
      provider.configure(peer, fromStruct(request.getArgs()));
      const response = new pb.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary((request: Pb.CheckRequest) => {
      const seed = Buffer.from(request.getRandomseed_asU8()).toString("hex");
      const [urn, olds, news] = [request.getUrn(), request.getOlds(), request.getNews()];
      const response = new pb.CheckResponse();
      const inputs = provider.check(urn, fromStruct(olds), fromStruct(news), seed);
      response.setInputs(toStruct(inputs));
      return response;
    }),
    diff: unary((request: Pb.DiffRequest) => {
      const olds = request.getOldInputs();
      return diffResponse(
        provider.diff(request.getUrn(), fromStruct(olds), fromStruct(request.getNews())),
      );
    }),
    create: unary(async (request: Pb.CreateRequest, peer) => {
      const inputs = fromStruct(request.getProperties());
      const made = await provider.create(peer, request.getUrn(), inputs, request.getPreview());
      const response = new pb.CreateResponse();
      response.setId(made.id);
      response.setProperties(toStruct(made.outputs));
      return response;
    }),
    read: unary(async (request: Pb.ReadRequest, peer) =>
      readResponse(
        await provider.read(
          peer,
          request.getUrn(),
          request.getId(),
          fromStruct(request.getProperties()),
          fromStruct(request.getInputs()),
        ),
      ),
    ),
    update: unary(async (request: Pb.UpdateRequest, peer) => {
      const changed = await provider.update(
        peer,
        request.getUrn(),
        request.getId(),
        fromStruct(request.getOlds()),
        fromStruct(request.getNews()),
        request.getPreview(),
      );
      const response = new pb.UpdateResponse();
      response.setProperties(toStruct(changed.outputs));
      return response;
    }),
    delete: unary(async (request: Pb.DeleteRequest, peer) => {
      const olds = fromStruct(request.getProperties());
      await provider.delete(peer, request.getUrn(), request.getId(), olds);
      return new emptyPb.Empty();
    }),
    invoke: unary(async (request: Pb.InvokeRequest, peer) => {
      const found = await provider.invoke(peer, request.getTok(), fromStruct(request.getArgs()));
      const response = new pb.InvokeResponse();
      response.setReturn(toStruct(found));
      return response;
    }),
  };
}

/** The version that the program's SDK asks for, so that the engine has nothing to warn about. */
function sdkVersion(name: string): string {
  const manifest: unknown = createRequire(import.meta.url)(`@pulumi/${name}/package.json`);
  return isMap(manifest) ? (text(manifest, "version") ?? "0.0.0") : "0.0.0";
}

type Unary<Request, Response> = (
  call: grpc.ServerUnaryCall<Request, Response>,
  callback: grpc.sendUnaryData<Response>,
) => void;

function unary<Request, Response>(
  act: (request: Request, peer: string) => Response | Promise<Response>,
): Unary<Request, Response> {
  return (call, callback) => {
    void (async () => act(call.request, call.getPeer()))().then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        const details = error instanceof Error ? error.message : String(error);
        callback({ code: grpc.status.UNKNOWN, details });
      },
    );
  };
}

function diffConfig(provider: StandInProvider, request: Pb.DiffRequest): Pb.DiffResponse {
  const olds = fromStruct(request.getOldInputs() ?? request.getOlds());
  return diffResponse(provider.diffConfig(olds, fromStruct(request.getNews())));
}

function diffResponse(difference: ReturnType<StandInProvider["diff"]>): Pb.DiffResponse {
  const response = new pb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(difference.changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(difference.changed);
  response.setReplacesList(difference.replaces);
  response.setDeletebeforereplace(difference.deleteFirst);
  return response;
}

function readResponse(found: Answer | undefined): Pb.ReadResponse {
  const response = new pb.ReadResponse();
  if (found !== undefined) {
    response.setId(found.id);
    response.setProperties(toStruct(found.outputs));
    response.setInputs(toStruct(found.inputs));
  }
  return response;
}

function fromStruct(struct: Struct | undefined): ValueMap {
  const value: unknown = struct?.toJavaScript();
  return isMap(value) ? value : {};
}

function toStruct(map: ValueMap): Struct {
  return structPb.Struct.fromJavaScript(Object.fromEntries(Object.entries(map)));
}
