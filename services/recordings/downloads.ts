import { metricsServer } from "../shared/metrics-server.ts";
import type { Log } from "../shared/log.ts";
import type { RecordingsEnvironment } from "./config.ts";
import { DeleteRoute } from "./deletions/delete-route.ts";
import { Deletions } from "./deletions/deletions.ts";
import { Intents } from "./deletions/intents.ts";
import { ExpiryCheck } from "./expiry-check.ts";
import { HttpServer } from "./http-server.ts";
import { MediaAuth } from "./meet/media-auth.ts";
import { RecordingsApi } from "./meet/recordings-api.ts";
import { Metrics } from "./metrics.ts";
import { Outbound } from "./outbound.ts";
import { Route } from "./route.ts";
import { BucketCalls } from "./storage/bucket-calls.ts";
import { Finder } from "./storage/finder.ts";
import { S3Client } from "./storage/s3-client.ts";
import { Signer } from "./storage/signer.ts";
import { storesOf, type Stores } from "./stores.ts";

/** The whole service, made from its environment. */
export class Downloads {
  private readonly environment: RecordingsEnvironment;
  private readonly log: Log;
  private readonly outbound = new Outbound();
  private readonly stores: Stores;
  private readonly deletions: Deletions;
  private readonly expiry: ExpiryCheck;
  private readonly server: HttpServer;
  private readonly metricsServer: ReturnType<typeof metricsServer>;

  constructor(environment: RecordingsEnvironment, log: Log) {
    this.environment = environment;
    this.log = log;
    const { outbound } = this;
    const signer = new Signer();
    const metrics = new Metrics(environment.REGION, {
      buckets: () => 1 + this.stores.buckets.others().length,
      credentialsEnd: () => this.stores.credentialsEnd(),
      deletions: () => this.deletions.waiting(),
      unsettled: () => this.deletions.unsettled(),
      expiry: () => this.expiry.verdicts(),
    });
    const s3 = new S3Client(outbound, signer, (operation, outcome, seconds) => {
      metrics.stored(operation, outcome, seconds);
    });
    this.stores = storesOf(environment, outbound, s3, log);
    const { buckets } = this.stores;
    const calls = new BucketCalls(outbound, signer);
    const intents = new Intents(buckets, calls);
    this.deletions = new Deletions({
      buckets,
      calls,
      intents,
      log,
      observe: (outcome) => {
        metrics.deleted(outcome);
      },
    });
    this.expiry = new ExpiryCheck({
      buckets: this.stores.compatible,
      days: environment.EXPIRATION_DAYS,
      calls,
      log,
    });
    const meet = {
      meetUrl: environment.MEET_URL,
      host: `meet.${environment.DOMAIN}`,
      outbound,
    };
    const auth = new MediaAuth(meet);
    const deleteRoute = new DeleteRoute({
      meet: new RecordingsApi({ ...meet, auth }),
      intents,
      deletions: this.deletions,
      log,
      observe: (outcome) => {
        metrics.deleteRequested(outcome);
      },
    });
    const route = new Route({
      auth,
      finder: new Finder(buckets, (bucket, key) => s3.look(bucket, key)),
      s3,
      signer,
      linkSeconds: environment.LINK_SECONDS,
      maxRequests: environment.MAX_REQUESTS,
      metrics,
      log,
    });
    this.server = new HttpServer({
      media: (request, response) => route.handle(request, response),
      recordings: (request, response) => deleteRoute.handle(request, response),
      shutdownSeconds: environment.SHUTDOWN_SECONDS,
      log,
    });
    this.metricsServer = metricsServer(metrics.registry);
  }

  /** Serves. */
  async start(): Promise<void> {
    this.stores.start();
    this.deletions.start();
    this.expiry.start();
    this.metricsServer.listen(this.environment.METRICS_PORT);
    const port = await this.server.listen(this.environment.PORT);
    this.log.info("listening", { port });
  }

  /** Finishes what is under way. */
  async stop(): Promise<void> {
    await Promise.all([this.server.stop(), this.deletions.stop()]);
    this.expiry.stop();
    this.stores.stop();
    this.metricsServer.close();
    this.outbound.close();
  }
}
