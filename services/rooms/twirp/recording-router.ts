import type { AllRegions } from "./all-regions.ts";
import type { Deadline } from "./deadline.ts";
import type { EgressRegions } from "./egress-regions.ts";
import type { EmptyList } from "./methods.ts";
import type { Sender } from "./sender.ts";
import type { TwirpAnswer } from "./twirp-answer.ts";
import type { FieldPath } from "./twirp-body.ts";
import type { TwirpCall } from "./upstream.ts";
import { Malformed } from "./wire.ts";

/** Milliseconds for finding out which region a recording runs in. */
const SEARCH_MS = 2000;

/** Ids of recordings have 15 characters. */
const MAX_EGRESS_ID = 200;

/** Sends calls that name a recording, and no room, to the region in which it runs. */
export class RecordingRouter {
  private readonly sender: Sender;
  private readonly all: AllRegions;
  private readonly egress: EgressRegions;

  constructor(sender: Sender, all: AllRegions, egress: EgressRegions) {
    this.sender = sender;
    this.all = all;
    this.egress = egress;
  }

  /** A call about one recording; searched for where no gateway of this region knows of it. @throws Malformed */
  async ofOne(
    call: TwirpCall,
    path: FieldPath,
    deadline: Deadline,
    isLook: boolean,
  ): Promise<TwirpAnswer> {
    const id = call.body.string(path);
    const known = await this.regionOf(id);
    if (known !== undefined) {
      return this.sender.toRegion(known, call, deadline, isLook);
    }
    const search = await this.all.search(call, id, deadline.within(SEARCH_MS));
    if (!search.isFound) {
      return search.answer;
    }
    await this.egress.remember(id, search.region);
    return this.sender.toRegion(search.region, call, deadline, isLook);
  }

  /** One recording by its id, or those of all regions. @throws Malformed */
  list(
    call: TwirpCall,
    path: FieldPath,
    list: EmptyList,
    deadline: Deadline,
  ): Promise<TwirpAnswer> {
    return call.body.string(path) === ""
      ? this.all.merged(call, list, deadline)
      : this.ofOne(call, path, deadline, true);
  }

  private async regionOf(egressId: string): Promise<string | undefined> {
    if (egressId.length > MAX_EGRESS_ID) {
      throw new Malformed("no recording has an id as long as that");
    }
    const regions = this.all.regions();
    const [only] = regions;
    if (regions.length === 1) {
      return only;
    }
    const region = await this.egress.regionOf(egressId);
    return region !== undefined && regions.includes(region) ? region : undefined;
  }
}
