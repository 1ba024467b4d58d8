import * as z from "zod";
import type { Versions } from "../infra/config.ts";
import type { StackState } from "./stacks.ts";

/** A version as the files want it and as it is deployed. */
export interface VersionFact {
  readonly what: "meet" | "livekit" | "egress" | "gateway image";
  readonly files: string;
  /** Undefined where nothing of it is deployed. */
  readonly deployed?: string;
}

/** A Deployment as the state has it, as far as images go. */
const podsSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(z.object({ name: z.string(), image: z.string() })),
      }),
    }),
  }),
});

/** The image each version belongs to, by the end of its repository, and the resource that runs it. */
const IMAGES = [
  { what: "meet", repository: /meet-backend$/, version: "meet", resource: "backend-backend" },
  { what: "livekit", repository: /livekit-server$/, version: "livekit", resource: "livekit" },
  { what: "egress", repository: /egress$/, version: "egress", resource: "egress" },
  { what: "gateway image", repository: /node$/, version: "node", resource: "rooms" },
] as const satisfies readonly {
  readonly what: VersionFact["what"];
  readonly repository: RegExp;
  readonly version: keyof Versions;
  readonly resource: string;
}[];

/** Versions in the stack's state beside those of the files; Meet only where it runs. */
export function versionFacts(
  versions: Versions,
  { resources }: StackState,
): readonly VersionFact[] {
  const images = resources
    .filter(({ type }) => type === "kubernetes:apps/v1:Deployment")
    .flatMap(({ urn, inputs }) => {
      const pods = podsSchema.safeParse(inputs).data;
      const name = urn.split("::").at(-1);
      return (pods?.spec.template.spec.containers ?? []).map(({ image }) => ({ name, image }));
    });
  return IMAGES.flatMap(({ what, repository, version, resource }): readonly VersionFact[] => {
    const found = images
      .filter(({ name }) => name === resource)
      .map(({ image }) => splitImage(image))
      .find((image) => repository.test(image.repository));
    const files = versions[version];
    if (found !== undefined) {
      return [{ what, files, deployed: found.tag }];
    }
    return what === "meet" || what === "egress" ? [] : [{ what, files }];
  });
}

/** True where the files want another version than is deployed. */
export function isBehind({ files, deployed }: VersionFact): boolean {
  return deployed !== undefined && withoutV(files) !== withoutV(deployed);
}

function splitImage(image: string): { readonly repository: string; readonly tag: string } {
  const slash = image.lastIndexOf("/");
  const at = image.indexOf(":", slash);
  return at < 0
    ? { repository: image, tag: "" }
    : { repository: image.slice(0, at), tag: image.slice(at + 1) };
}

/** Tags of some images begin with a `v` where the version does not. */
function withoutV(version: string): string {
  return version.replace(/^v/, "");
}
