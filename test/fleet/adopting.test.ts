import { describe, expect, it } from "vitest";
import { withAdopted } from "../../fleet/adopting.ts";

const CLOUDFLARE = "pulumi:providers:cloudflare";

const provider = (stack: string) => ({
  urn: `urn:pulumi:${stack}::meet::${CLOUDFLARE}::default`,
  type: CLOUDFLARE,
  id: `of-${stack}`,
});

const names = (stack: string) => ({
  urn: `urn:pulumi:${stack}::meet::meet:edge:Names::names`,
  type: "meet:edge:Names",
});

const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";

const pool = (stack: string, more: object = {}) => ({
  urn: `urn:pulumi:${stack}::meet::meet:edge:Names$${POOL}::pool`,
  type: POOL,
  id: "pool-1",
  parent: names(stack).urn,
  provider: `${provider(stack).urn}::of-${stack}`,
  inputs: { name: "a-pool" },
  ...more,
});

const here = { resources: [provider("us"), names("us")] };

const adoption = { from: "eu", to: "us", urns: [pool("eu").urn] };

describe("a resource that another stack's state gives up", () => {
  it("is of this stack, below what is here already, with this stack's provider", () => {
    const other = { resources: [provider("eu"), names("eu"), pool("eu")] };
    const { resources } = withAdopted(here, other, adoption);
    expect(resources).toEqual([
      ...here.resources,
      { ...pool("us"), dependencies: [], propertyDependencies: {} },
    ]);
  });

  it("depends on nothing that stays there", () => {
    const lost = "urn:pulumi:eu::meet::aws:lb/listener:Listener::web";
    const dependencies = [names("eu").urn, lost];
    const other = {
      resources: [pool("eu", { dependencies, propertyDependencies: { a: [lost] } })],
    };
    expect(withAdopted(here, other, adoption).resources.at(-1)).toMatchObject({
      dependencies: [names("us").urn],
      propertyDependencies: { a: [] },
    });
  });

  it("is not taken twice", () => {
    const other = { resources: [pool("eu")] };
    const once = withAdopted(here, other, adoption);
    expect(withAdopted(once, other, adoption)).toEqual(once);
  });

  it("is refused with a secret of the other stack, or without a provider here", () => {
    const secret = {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ciphertext: "v1:a:b",
    };
    const other = { resources: [pool("eu", { inputs: { token: secret } })] };
    expect(() => withAdopted(here, other, adoption)).toThrow("only stack eu can read");
    expect(() => withAdopted({ resources: [] }, { resources: [pool("eu")] }, adoption)).toThrow(
      "no provider of cloudflare",
    );
  });
});
