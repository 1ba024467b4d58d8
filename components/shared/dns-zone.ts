/** The DNS zone the fleet's names live in. It exists before the fleet: looked up, never made or destroyed here. */
export type DnsZone =
  | { readonly provider: "route53"; readonly zoneId: string; readonly zoneName: string }
  | {
      readonly provider: "cloudflare";
      readonly zoneId: string;
      readonly accountId: string;
      readonly zoneName: string;
    };
