/** Where an AWS region stands, for Cloudflare's proximity steering and for the place its checks come from. */
export interface Location {
  readonly latitude: number;
  readonly longitude: number;
  /** Cloudflare's code of the part of the world (Cloudflare load balancing, Region mapping API). */
  readonly cloudflareRegion: string;
}

function at(latitude: number, longitude: number, cloudflareRegion: string): Location {
  return { latitude, longitude, cloudflareRegion };
}

/**
 * The city or state that names the region (AWS Account Management guide, "AWS Regions"), to a tenth of a degree. Data
 * centres lie some tens of kilometres off, which no choice between regions notices.
 */
export const LOCATIONS: Readonly<Record<string, Location>> = {
  "af-south-1": at(-33.9, 18.4, "SAF"),
  "ap-east-1": at(22.3, 114.2, "NEAS"),
  "ap-east-2": at(25, 121.6, "NEAS"),
  "ap-northeast-1": at(35.7, 139.7, "NEAS"),
  "ap-northeast-2": at(37.6, 127, "NEAS"),
  "ap-northeast-3": at(34.7, 135.5, "NEAS"),
  "ap-south-1": at(19.1, 72.9, "SAS"),
  "ap-south-2": at(17.4, 78.5, "SAS"),
  "ap-southeast-1": at(1.4, 103.8, "SEAS"),
  "ap-southeast-2": at(-33.9, 151.2, "OC"),
  "ap-southeast-3": at(-6.2, 106.8, "SEAS"),
  "ap-southeast-4": at(-37.8, 145, "OC"),
  "ap-southeast-5": at(3.1, 101.7, "SEAS"),
  "ap-southeast-6": at(-36.8, 174.8, "OC"),
  "ap-southeast-7": at(13.8, 100.5, "SEAS"),
  "ca-central-1": at(45.5, -73.6, "ENAM"),
  "ca-west-1": at(51, -114.1, "WNAM"),
  "eu-central-1": at(50.1, 8.7, "WEU"),
  "eu-central-2": at(47.4, 8.5, "WEU"),
  "eu-north-1": at(59.3, 18.1, "WEU"),
  "eu-south-1": at(45.5, 9.2, "WEU"),
  "eu-south-2": at(41.6, -0.9, "WEU"),
  "eu-west-1": at(53.3, -6.3, "WEU"),
  "eu-west-2": at(51.5, -0.1, "WEU"),
  "eu-west-3": at(48.9, 2.4, "WEU"),
  "il-central-1": at(32.1, 34.8, "ME"),
  "me-central-1": at(24.5, 54.4, "ME"),
  "me-south-1": at(26.2, 50.6, "ME"),
  "mx-central-1": at(20.6, -100.4, "ENAM"),
  "sa-east-1": at(-23.6, -46.6, "SSAM"),
  "us-east-1": at(38.9, -77.5, "ENAM"),
  "us-east-2": at(40, -83, "ENAM"),
  "us-west-1": at(37.8, -122.4, "WNAM"),
  "us-west-2": at(45.8, -119.7, "WNAM"),
};
