import type { DrillResult } from "../drill/result.ts";
import { html, type Markup } from "./html.ts";
import { isLand } from "./world.ts";

/** Degrees shown, and the distance of the dots that land is drawn with. */
const VIEW = { west: -170, east: 180, north: 76, south: -50 };
const STEP = 4;

interface Spot {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** The regions, the people, and who goes in where: a world of dots. */
export function fleetMap(result: DrillResult): Markup {
  const [width, height] = [VIEW.east - VIEW.west, VIEW.north - VIEW.south];
  const lines = result.places.flatMap((place) =>
    result.regions.map((region) => ({
      place,
      region,
      people: peopleBetween(result, place, region),
    })),
  );
  const most = Math.max(1, ...lines.map(({ people }) => people));
  return html`<svg
    class="map"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-label="Map of the regions and of the people in the drill"
  >
    <path class="land" d="${landPath()}" />
    ${peerLines(result.regions)}
    ${lines
      .filter(({ people }) => people > 0)
      .map(
        ({ place, region, people }) =>
          html`<path
            class="way"
            stroke-width="${(0.5 + (1.3 * people) / most).toFixed(2)}"
            d="${arc(place, region)}"
            ><title>${people} joins from ${place.name} by ${region.name}</title></path
          >`,
      )}
    ${result.places.map(
      (place) =>
        html`<g class="place"
          ><rect x="${x(place) - 1.6}" y="${y(place) - 1.6}" width="3.2" height="3.2" /><title>
            People in ${place.name}
          </title></g
        >`,
    )}
    ${result.regions.map(
      (region) =>
        html`<g class="region"
          ><circle class="halo" cx="${x(region)}" cy="${y(region)}" r="7" /><circle
            cx="${x(region)}"
            cy="${y(region)}"
            r="3"
          /><text x="${x(region)}" y="${y(region) - 9}">${region.name}</text
          ><title>${region.name}: ${region.role} in ${region.awsRegion}</title></g
        >`,
    )}
  </svg>`;
}

function peopleBetween(result: DrillResult, place: Spot, region: Spot): number {
  return result.scenarios
    .flatMap(({ participants }) => participants)
    .filter((one) => one.place === place.name && one.enteredBy === region.name).length;
}

function x({ longitude }: Pick<Spot, "longitude">): number {
  return Number((longitude - VIEW.west).toFixed(1));
}

function y({ latitude }: Pick<Spot, "latitude">): number {
  return Number((VIEW.north - latitude).toFixed(1));
}

/** Every two regions talk to each other. */
function peerLines(regions: readonly Spot[]): readonly Markup[] {
  return regions.flatMap((one, index) =>
    regions.slice(index + 1).map((other) => html`<path class="peer" d="${arc(one, other)}" />`),
  );
}

/** A bow, higher the longer it is; the way to one's own city is a loop too small to see. */
function arc(one: Spot, other: Spot): string {
  const [x1, y1, x2, y2] = [x(one), y(one), x(other), y(other)];
  const rise = Math.hypot(x2 - x1, y2 - y1) * 0.22;
  return `M${x1} ${y1}Q${((x1 + x2) / 2).toFixed(1)} ${(Math.min(y1, y2) - rise).toFixed(1)} ${x2} ${y2}`;
}

/** A dot wherever there is land, as one path: a line of no length with round ends. */
function landPath(): string {
  const dots: string[] = [];
  for (let latitude = VIEW.north; latitude > VIEW.south; latitude -= STEP) {
    for (let longitude = VIEW.west; longitude < VIEW.east; longitude += STEP) {
      if (isLand(longitude, latitude)) {
        dots.push(`M${x({ longitude })} ${y({ latitude })}h0`);
      }
    }
  }
  return dots.join("");
}
