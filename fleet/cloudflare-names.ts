import type { FleetConfig } from "../infra/config.ts";
import type { StateResource } from "./stacks.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/** The component of the balancers, pools and monitors that all regions share (components/dns/cloudflare.ts). */
const NAMES_TYPE = "meet:edge:CloudflareNames";

/** Validation records of shared names end in the name's first label (components/certificates/certificate.ts). */
const SHARED_RECORD = /\$cloudflare:index\/dnsRecord:DnsRecord::[a-z-]+-certificate-validation-/;

/**
 * Where the names are at Cloudflare, the primary's stack owns those of the whole fleet, and Cloudflare has each but
 * once: they go from the old primary's state to the new one's, so that they are neither made again nor deleted. Only the
 * states are asked, so the old region may be lost. Killed half-way, both states have them, and the next call goes on.
 */
export function takeNamesSteps(
  world: World,
  fleet: FleetConfig,
  to: string,
  from: string,
): readonly Step[] {
  if (fleet.dns.provider !== "cloudflare") {
    return [];
  }
  const shared = async (): Promise<readonly string[]> =>
    (await world.stacks.state(from)).resources.filter(isShared).map(({ urn }) => urn);
  return [
    {
      name: `${to}: take the names at Cloudflare out of the state of ${from}`,
      isDone: async () => (await shared()).length === 0,
      run: async () => {
        const urns = await shared();
        await world.stacks.adopt(to, from, urns);
        await world.stacks.forget(from, urns);
        world.output.say(`${to}: ${urns.length} resources of the names are its own`);
      },
    },
  ];
}

function isShared({ urn }: StateResource): boolean {
  const types = urn.split("::")[2]?.split("$") ?? [];
  return types.includes(NAMES_TYPE) || SHARED_RECORD.test(urn);
}
