import { bad, media, MEDIA, PRIMARY, primary, type BadConfiguration } from "./fleet-samples.ts";

const rules = (...list: readonly unknown[]) => ({ "meet:placement": { rules: list } });

/** Faults of what the room gateways are told: where rooms go, and which makes of their secrets are in use. */
export const BAD_GATEWAYS: readonly BadConfiguration[] = [
  primary(
    "a rule for a region that is not there",
    rules({ rooms: ["board-*"], region: "ap" }),
    "Config meet:placement.rules[0].region in Pulumi.eu.yaml: ap is no region of this fleet (eu). Name one of them, or add the region's file first.",
  ),
  primary(
    "a rule without a region",
    rules({ rooms: ["board-*"] }),
    "Config meet:placement.rules[0].region in Pulumi.eu.yaml: missing. Set the name of a region, such as us.",
  ),
  primary(
    "a rule of nothing",
    rules({ region: "eu" }),
    "Config meet:placement.rules[0] in Pulumi.eu.yaml: neither rooms nor countries. Give each rule one of the two.",
  ),
  primary(
    "a rule of rooms and of countries",
    {
      "meet:placement": {
        countryHeader: "cf-ipcountry",
        rules: [{ rooms: ["a"], countries: ["FR"], region: "eu" }],
      },
    },
    "Config meet:placement.rules[0] in Pulumi.eu.yaml: both rooms and countries. Give each rule one of the two.",
  ),
  primary(
    "a rule of countries that nobody names",
    rules({ countries: ["FR"], region: "eu" }),
    "Config meet:placement.rules[0].countries in Pulumi.eu.yaml: nothing says which country a participant is in. Set meet:placement.countryHeader.",
  ),
  primary(
    "a country in words",
    {
      "meet:placement": {
        countryHeader: "cf-ipcountry",
        rules: [{ countries: ["France"], region: "eu" }],
      },
    },
    "Config meet:placement.rules[0].countries[0] in Pulumi.eu.yaml: France is not a country code. Write one such as FR.",
  ),
  primary(
    "a room with a star in its middle",
    rules({ rooms: ["a*b"], region: "eu" }),
    "Config meet:placement.rules[0].rooms[0] in Pulumi.eu.yaml: a*b is not a room's name, or the beginning of one and *. Write one such as board-*.",
  ),
  primary(
    "an unknown setting of a rule",
    rules({ rooms: ["a"], region: "eu", country: "FR" }),
    "Config meet:placement.rules[0].country in Pulumi.eu.yaml: unknown key. Known here: countries, region, rooms.",
  ),
  primary(
    "rules that are no list",
    { "meet:placement": { rules: "eu" } },
    "Config meet:placement.rules in Pulumi.eu.yaml: eu is not a list of rules. Write each on a line of its own, after a hyphen.",
  ),
  primary(
    "a header in capitals",
    { "meet:placement": { countryHeader: "CF-IPCountry" } },
    "Config meet:placement.countryHeader in Pulumi.eu.yaml: CF-IPCountry is not the name of a request header in lower case. Write one such as cf-ipcountry.",
  ),
  primary(
    "an order that is a list",
    { "meet:placement": { order: ["us"] } },
    'Config meet:placement.order in Pulumi.eu.yaml: ["us"] is not for each region the others from the nearest on. Write one such as { eu: [us, ap] }.',
  ),
  primary(
    "an order with a region that is not there",
    { "meet:placement": { order: { eu: ["ap"] } } },
    "Config meet:placement.order.eu[0] in Pulumi.eu.yaml: ap is no region of this fleet (eu). Name one of them, or add the region's file first.",
  ),
  primary(
    "an order that begins with the region itself",
    { "meet:placement": { order: { eu: ["eu"] } } },
    "Config meet:placement.order.eu[0] in Pulumi.eu.yaml: eu is the region itself. Name each other region once.",
  ),
  bad(
    "an order that names a region twice",
    { eu: { ...PRIMARY, "meet:placement": { order: { eu: ["us", "us"] } } }, us: MEDIA },
    "Config meet:placement.order.eu[1] in Pulumi.eu.yaml: us stands there already. Name each other region once.",
  ),
  media(
    "a placement outside the primary",
    { "meet:placement": {} },
    "Config meet:placement in Pulumi.us.yaml: set for the whole fleet, but us is not the primary. Move it to Pulumi.eu.yaml.",
  ),
  primary(
    "a first make with one before it",
    { "meet:secrets": { peer: { keepPrevious: true } } },
    "Config meet:secrets.peer.keepPrevious in Pulumi.eu.yaml: true, but generation 1 is the first. Raise generation, or remove it.",
  ),
  primary(
    "a first password of the Valkeys with one before it",
    { "meet:secrets": { valkey: { keepPrevious: true } } },
    "Config meet:secrets.valkey.keepPrevious in Pulumi.eu.yaml: true, but generation 1 is the first. Raise generation, or remove it.",
  ),
  primary(
    "signing with a make that is not kept",
    { "meet:secrets": { livekitKeys: { generation: 2, signWith: "previous" } } },
    "Config meet:secrets.livekitKeys.signWith in Pulumi.eu.yaml: previous, which is not kept. Set keepPrevious: true as well.",
  ),
  primary(
    "a make of number zero",
    { "meet:secrets": { operator: { generation: 0 } } },
    "Config meet:secrets.operator.generation in Pulumi.eu.yaml: 0 is not a whole number from 1 to 1000. Choose one within these bounds.",
  ),
  primary(
    "a secret that is not rotated so",
    { "meet:secrets": { database: { keepPrevious: true } } },
    "Config meet:secrets.database.keepPrevious in Pulumi.eu.yaml: unknown key. Known here: generation.",
  ),
];
