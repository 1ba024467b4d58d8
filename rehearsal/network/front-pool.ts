import { request } from "node:http";

/** A server behind a front. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Counts its starts. */
  readonly start: number;
}

/** How it is asked whether it is well; the words of an ELB target group and of a readiness probe alike. */
export interface TargetCheck {
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** So many answers in a row bring it in. */
  readonly healthyThreshold: number;
  /** So many failures in a row take it out. */
  readonly unhealthyThreshold: number;
}

interface Known {
  readonly target: Target;
  isIn: boolean;
  /** Answers in a row that say otherwise than `isIn`. */
  against: number;
}

/** The servers behind one front, and which of them are well: asked at the deployed interval, taken in turn. */
export class FrontPool {
  private known: Known[] = [];
  private turn = 0;
  private readonly check: TargetCheck;
  private readonly timer: NodeJS.Timeout;

  constructor(check: TargetCheck) {
    this.check = check;
    this.timer = setInterval(() => {
      this.askAll();
    }, check.intervalSeconds * 1000);
  }

  /** The servers there are from now on. Those that are new are taken for well, as a pod is that has become ready. */
  set(targets: readonly Target[]): void {
    this.known = targets.map(
      (target) =>
        this.known.find((one) => isSame(one.target, target)) ?? { target, isIn: true, against: 0 },
    );
  }

  /** The next one that is well; undefined if none is. */
  next(): Target | undefined {
    const well = this.known.filter(({ isIn }) => isIn);
    return well[this.turn++ % well.length]?.target;
  }

  /** It refused a connection: its process has ended, which a kubelet sees at once. Out until it answers again. */
  refused(target: Target): void {
    const found = this.known.find((one) => isSame(one.target, target));
    if (found !== undefined) {
      found.isIn = false;
      found.against = 0;
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private askAll(): void {
    for (const one of this.known) {
      void this.ask(one.target).then((isWell) => {
        one.against = isWell === one.isIn ? 0 : one.against + 1;
        const { healthyThreshold, unhealthyThreshold } = this.check;
        if (one.against >= (one.isIn ? unhealthyThreshold : healthyThreshold)) {
          one.isIn = !one.isIn;
          one.against = 0;
        }
      });
    }
  }

  private ask({ host, port }: Target): Promise<boolean> {
    return new Promise((resolve) => {
      const timeout = this.check.timeoutSeconds * 1000;
      const asked = request({ host, port, path: this.check.path, timeout }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => {
        resolve(false);
      });
      asked.end();
    });
  }
}

function isSame(one: Target, other: Target): boolean {
  return one.host === other.host && one.port === other.port && one.start === other.start;
}
