import { bad, media, PRIMARY, primary, type BadConfiguration } from "./fleet-samples.ts";

/** Faults of a key, or of a value in its place. */
export const BAD_VALUES: readonly BadConfiguration[] = [
  media(
    "an unknown key with a near one",
    { "meet:sise": "small" },
    "Config meet:sise in Pulumi.us.yaml: unknown key. Did you mean meet:size?",
  ),
  media(
    "an unknown key like no other",
    { "meet:quality": 7 },
    "Config meet:quality in Pulumi.us.yaml: unknown key. Known here: aws:region, meet:administrator, meet:backend, meet:cluster, meet:database, meet:databaseUrl, meet:deployRoleArns, meet:dns, meet:domain, meet:downloads, meet:egress, meet:frontend, meet:livekitValkey, meet:mail, meet:mailPassword, meet:media, meet:meetValkey, meet:network, meet:oidc, meet:oidcClientSecret, meet:placement, meet:promotion, meet:protection, meet:recordings, meet:residency, meet:role, meet:rooms, meet:secrets, meet:sharedSecrets, meet:size, meet:storageKeys, meet:stores, meet:telephony, meet:valkeyUrl, meet:versions.",
  ),
  media(
    "an unknown setting in a block",
    { "meet:network": { cidr: "10.2.0.0/16", zones: 2 } },
    "Config meet:network.zones in Pulumi.us.yaml: unknown key. Known here: cidr, nat, zoneCount.",
  ),
  media(
    "an unknown setting far from any",
    { "meet:rooms": { colour: "red" } },
    "Config meet:rooms.colour in Pulumi.us.yaml: unknown key. Known here: maxReplicas, minReplicas.",
  ),
  media(
    "a key without namespace",
    { size: "small" },
    "Config size in Pulumi.us.yaml: a key without namespace. Write meet:size.",
  ),
  media(
    "a key of an unknown namespace",
    { "azure:location": "westeurope" },
    "Config azure:location in Pulumi.us.yaml: unknown key. Known here: aws:region, meet:administrator, meet:backend, meet:cluster, meet:database, meet:databaseUrl, meet:deployRoleArns, meet:dns, meet:domain, meet:downloads, meet:egress, meet:frontend, meet:livekitValkey, meet:mail, meet:mailPassword, meet:media, meet:meetValkey, meet:network, meet:oidc, meet:oidcClientSecret, meet:placement, meet:promotion, meet:protection, meet:recordings, meet:residency, meet:role, meet:rooms, meet:secrets, meet:sharedSecrets, meet:size, meet:storageKeys, meet:stores, meet:telephony, meet:valkeyUrl, meet:versions.",
  ),
  media(
    "a path written as a key",
    { "meet:media.min": 3 },
    "Config meet:media.min in Pulumi.us.yaml: a path, not a key. Write min as a setting under meet:media.",
  ),
  media(
    "a fleet-wide key outside the primary",
    { "meet:domain": "example.org" },
    "Config meet:domain in Pulumi.us.yaml: set for the whole fleet, but us is not the primary. Move it to Pulumi.eu.yaml.",
  ),
  media(
    "a home's key in a media region",
    { "meet:database": { multiAz: false } },
    "Config meet:database in Pulumi.us.yaml: for regions with Meet only, but us is a media region. Remove it.",
  ),
  media(
    "a fleet's secret outside the primary",
    { "meet:mailPassword": { secure: "v1:abc" } },
    "Config meet:mailPassword in Pulumi.us.yaml: set for the whole fleet, but us is not the primary. Move it to Pulumi.eu.yaml.",
  ),
  primary(
    "a secret in plain text",
    { "meet:oidcClientSecret": "hunter2" },
    "Config meet:oidcClientSecret in Pulumi.eu.yaml: in plain text. Take it out of the file and of its history, and run pulumi config set --secret meet:oidcClientSecret --stack eu.",
  ),
  primary(
    "a provider's token in plain text",
    { "cloudflare:apiToken": "hunter2" },
    "Config cloudflare:apiToken in Pulumi.eu.yaml: in plain text. Take it out of the file and of its history, and run pulumi config set --secret cloudflare:apiToken --stack eu.",
  ),
  media(
    "an encrypted value that is no secret",
    { "meet:size": { secure: "v1:abc" } },
    "Config meet:size in Pulumi.us.yaml: encrypted, but not a secret. Write it in plain: one of small, medium, large, such as small.",
  ),
  media(
    "an encrypted block",
    { "meet:network": { secure: "v1:abc" } },
    "Config meet:network in Pulumi.us.yaml: encrypted, but not a secret. Write it in plain: a block of settings, such as { cidr: … }.",
  ),
  bad(
    "a missing region",
    { eu: PRIMARY, us: { "meet:network": { cidr: "10.2.0.0/16" } } },
    "Config aws:region in Pulumi.us.yaml: missing. Set an AWS region of the commercial partition, such as eu-west-3.",
  ),
  media(
    "an unknown AWS region",
    { "aws:region": "us-eest-1" },
    "Config aws:region in Pulumi.us.yaml: us-eest-1 is not an AWS region of the commercial partition. Did you mean us-east-1?",
  ),
  media(
    "a region of another partition",
    { "aws:region": "cn-north-1" },
    "Config aws:region in Pulumi.us.yaml: cn-north-1 is not an AWS region of the commercial partition. Write one such as eu-west-3.",
  ),
  media(
    "a region without account-regional bucket names",
    { "aws:region": "me-south-1" },
    "Config aws:region in Pulumi.us.yaml: me-south-1 has no account-regional bucket names, which the recordings need. Choose another region.",
  ),
  bad(
    "a missing network",
    { eu: PRIMARY, us: { "aws:region": "us-east-1" } },
    "Config meet:network in Pulumi.us.yaml: missing. Set a block of settings, such as { cidr: … }.",
  ),
  media(
    "an empty network",
    { "meet:network": null },
    "Config meet:network in Pulumi.us.yaml: empty. Set a block of settings, such as { cidr: … }.",
  ),
  media(
    "a network without range",
    { "meet:network": { nat: "none" } },
    "Config meet:network.cidr in Pulumi.us.yaml: missing. Set an IPv4 range, such as 10.42.0.0/16.",
  ),
  media(
    "a network that is text",
    { "meet:network": "10.2.0.0/16" },
    "Config meet:network in Pulumi.us.yaml: 10.2.0.0/16 is not a block of settings. Write one such as { cidr: … }.",
  ),
  media(
    "a range that is none",
    { "meet:network": { cidr: "10.2.0/16" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.2.0/16 is not an IPv4 range. Write one such as 10.42.0.0/16.",
  ),
  media(
    "a range of an impossible address",
    { "meet:network": { cidr: "10.256.0.0/16" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.256.0.0/16 is not an IPv4 range. Write one such as 10.42.0.0/16.",
  ),
  media(
    "a range that is too large",
    { "meet:network": { cidr: "10.0.0.0/8" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.0.0.0/8 is a /8; a region's network is a /16 to a /23. Choose a range of that size.",
  ),
  media(
    "a range that is too small",
    { "meet:network": { cidr: "10.2.0.0/24" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.2.0.0/24 is a /24; a region's network is a /16 to a /23. Choose a range of that size.",
  ),
  media(
    "a range with host bits",
    { "meet:network": { cidr: "10.2.1.0/16" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 10.2.1.0/16 does not start at the first address of its range. Write 10.2.0.0/16.",
  ),
  media(
    "a public range",
    { "meet:network": { cidr: "52.10.0.0/16" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 52.10.0.0/16 is not a private range. Choose one in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10.",
  ),
  media(
    "a range over the Services'",
    { "meet:network": { cidr: "172.20.128.0/20" } },
    "Config meet:network.cidr in Pulumi.us.yaml: 172.20.128.0/20 overlaps 172.20.0.0/16, the range of the cluster's Services. Choose another range.",
  ),
  media(
    "one zone",
    { "meet:network": { cidr: "10.2.0.0/16", zoneCount: 1 } },
    "Config meet:network.zoneCount in Pulumi.us.yaml: 1 is not a whole number from 2 to 4. Choose one within these bounds.",
  ),
  media(
    "a number as text",
    { "meet:network": { cidr: "10.2.0.0/16", zoneCount: "3" } },
    'Config meet:network.zoneCount in Pulumi.us.yaml: "3" is text, not a number. Write it without quotes: 3.',
  ),
  media(
    "a mistyped choice",
    { "meet:network": { cidr: "10.2.0.0/16", nat: "per zone" } },
    "Config meet:network.nat in Pulumi.us.yaml: per zone is not one of none, single, per-zone. Did you mean per-zone?",
  ),
  media(
    "an unknown role",
    { "meet:role": "secondary" },
    "Config meet:role in Pulumi.us.yaml: secondary is not one of primary, standby, active, fenced, media. Choose one of them.",
  ),
  media(
    "an unknown size",
    { "meet:size": "huge" },
    "Config meet:size in Pulumi.us.yaml: huge is not one of small, medium, large. Choose one of them.",
  ),
  media(
    "a residency group in capitals",
    { "meet:residency": "EU" },
    "Config meet:residency in Pulumi.us.yaml: EU is not a residency group in lower case. Write one such as eu.",
  ),
  media(
    "a user instead of a role",
    { "meet:deployRoleArns": ["arn:aws:iam::123456789012:user/ada"] },
    "Config meet:deployRoleArns[0] in Pulumi.us.yaml: arn:aws:iam::123456789012:user/ada is not the ARN of an IAM role. Write one such as arn:aws:iam::123456789012:role/meet-deploy.",
  ),
  media(
    "one role instead of a list",
    { "meet:deployRoleArns": "arn:aws:iam::123456789012:role/x" },
    "Config meet:deployRoleArns in Pulumi.us.yaml: arn:aws:iam::123456789012:role/x is not a list of IAM role ARNs. Write each on a line of its own, after a hyphen.",
  ),
  media(
    "protection off without a reason",
    { "meet:protection": { enabled: false } },
    "Config meet:protection.reason in Pulumi.us.yaml: missing. Set a reason of 10 to 256 characters, which becomes a tag, such as region us is removed, see ticket 42.",
  ),
  media(
    "protection off for a bad reason",
    { "meet:protection": { enabled: false, reason: "because" } },
    "Config meet:protection.reason in Pulumi.us.yaml: because is not a reason of 10 to 256 characters, which becomes a tag. Write one such as region us is removed, see ticket 42.",
  ),
  media(
    "protection that is neither on nor off",
    { "meet:protection": { enabled: "no" } },
    "Config meet:protection.enabled in Pulumi.us.yaml: no is not one of true, false. Choose one of them.",
  ),
  media(
    "protection that is no block",
    { "meet:protection": false },
    "Config meet:protection in Pulumi.us.yaml: false is not a block of settings. Write one such as { enabled: true }.",
  ),
  media(
    "a Kubernetes version without quotes",
    { "meet:cluster": { kubernetesVersion: 1.34 } },
    'Config meet:cluster.kubernetesVersion in Pulumi.us.yaml: 1.34 is a number here, not text. Put it in quotes: "1.34".',
  ),
  media(
    "a Kubernetes version of three parts",
    { "meet:cluster": { kubernetesVersion: "1.34.2" } },
    'Config meet:cluster.kubernetesVersion in Pulumi.us.yaml: 1.34.2 is not a Kubernetes version in quotes. Write one such as "1.34".',
  ),
  media(
    "a cluster open to the world",
    { "meet:cluster": { publicAccessCidrs: ["0.0.0.0/0"] } },
    "Config meet:cluster.publicAccessCidrs[0] in Pulumi.us.yaml: 0.0.0.0/0 opens the cluster's API to the world. Give the ranges you deploy from, or say why not in publicAccessReason.",
  ),
  media(
    "a private range for the public endpoint",
    { "meet:cluster": { publicAccessCidrs: ["10.0.0.0/8"] } },
    "Config meet:cluster.publicAccessCidrs[0] in Pulumi.us.yaml: 10.0.0.0/8 is private, which EKS refuses for its public endpoint. Give the public address of whoever deploys.",
  ),
  media(
    "too few system nodes",
    { "meet:cluster": { systemNodes: { min: 1 } } },
    "Config meet:cluster.systemNodes.min in Pulumi.us.yaml: 1 is not a whole number from 2 to 100. Choose one within these bounds.",
  ),
  media(
    "a retention CloudWatch does not know",
    { "meet:cluster": { logRetentionDays: 31 } },
    "Config meet:cluster.logRetentionDays in Pulumi.us.yaml: 31 is not a period CloudWatch Logs knows. Choose one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653.",
  ),
  media(
    "an instance type that is none",
    { "meet:media": { instanceType: "big" } },
    "Config meet:media.instanceType in Pulumi.us.yaml: big is not an EC2 instance type. Write one such as c7i.xlarge.",
  ),
  media(
    "an arm64 instance type",
    { "meet:media": { instanceType: "c7g.xlarge" } },
    "Config meet:media.instanceType in Pulumi.us.yaml: c7g.xlarge is arm64, for which the images are not known to exist. Choose an amd64 type such as c7i.xlarge.",
  ),
  media(
    "egress nodes that are too small",
    { "meet:egress": { instanceType: "c7i.large" } },
    "Config meet:egress.instanceType in Pulumi.us.yaml: c7i.large has 2 vCPUs, fewer than the 4 needed. Choose one such as c7i.xlarge.",
  ),
  media(
    "more nodes at least than at most",
    { "meet:media": { min: 9, max: 4 } },
    "Config meet:media.min in Pulumi.us.yaml: 9 is more than max 4. Lower min or raise max.",
  ),
  media(
    "half a node",
    { "meet:media": { min: 1.5 } },
    "Config meet:media.min in Pulumi.us.yaml: 1.5 is not a whole number from 1 to 100. Choose one within these bounds.",
  ),
  media(
    "a drain without end",
    { "meet:media": { drainDeadlineMinutes: 3000 } },
    "Config meet:media.drainDeadlineMinutes in Pulumi.us.yaml: 3000 is not a whole number from 5 to 1440. Choose one within these bounds.",
  ),
  media(
    "too few media ports",
    { "meet:media": { instanceType: "c7i.4xlarge", udpPorts: { from: 7882, to: 7889 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 7882-7889 is 8 ports, fewer than the 16 vCPUs of c7i.4xlarge. Widen the range to one port per vCPU.",
  ),
  media(
    "media ports over LiveKit's own",
    { "meet:media": { udpPorts: { from: 7881, to: 7900 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 7881-7900 contains ports of ICE over TCP (7881). Choose others, such as 7882-7913.",
  ),
  media(
    "media ports over TURN",
    { "meet:media": { udpPorts: { from: 3470, to: 3490 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 3470-3490 contains ports of TURN (3478). Choose others, such as 7882-7913.",
  ),
  media(
    "media ports over TURN over TLS",
    { "meet:media": { udpPorts: { from: 5340, to: 5360 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 5340-5360 contains ports of TURN over TLS (5349). Choose others, such as 7882-7913.",
  ),
  media(
    "media ports over NodePorts",
    { "meet:media": { udpPorts: { from: 29990, to: 30010 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 29990-30010 contains ports of Kubernetes' NodePorts (30000-32767). Choose others, such as 7882-7913.",
  ),
  media(
    "media ports over ephemeral ones",
    { "meet:media": { udpPorts: { from: 50000, to: 60000 } } },
    "Config meet:media.udpPorts in Pulumi.us.yaml: 50000-60000 contains ports of the kernel's ephemeral ports (32768-60999). Choose others, such as 7882-7913.",
  ),
  media(
    "media ports the wrong way round",
    { "meet:media": { udpPorts: { from: 8000, to: 7900 } } },
    "Config meet:media.udpPorts.from in Pulumi.us.yaml: 8000 is more than to 7900. Lower from or raise to.",
  ),
  media(
    "one room gateway",
    { "meet:rooms": { minReplicas: 1 } },
    "Config meet:rooms.minReplicas in Pulumi.us.yaml: 1 is not a whole number from 2 to 100. Choose one within these bounds.",
  ),
  media(
    "one downloads server",
    { "meet:downloads": { replicas: 1 } },
    "Config meet:downloads.replicas in Pulumi.us.yaml: 1 is not a whole number from 2 to 100. Choose one within these bounds.",
  ),
  media(
    "a node type of another service",
    { "meet:livekitValkey": { nodeType: "db.t4g.small" } },
    "Config meet:livekitValkey.nodeType in Pulumi.us.yaml: db.t4g.small is not an ElastiCache node type. Write one such as cache.t4g.medium.",
  ),
  media(
    "a switch that is text",
    { "meet:egress": { enabled: "yes" } },
    "Config meet:egress.enabled in Pulumi.us.yaml: yes is not true or false. Write one such as true.",
  ),
  primary(
    "a database without backups",
    { "meet:database": { backupRetentionDays: 0 } },
    "Config meet:database.backupRetentionDays in Pulumi.eu.yaml: 0 is not a whole number from 1 to 35. Choose one within these bounds.",
  ),
  primary(
    "a restore from a database's name",
    { "meet:database": { restore: { from: "meet-eu-1", to: "2026-11-23T03:00:00Z" } } },
    "Config meet:database.restore.from in Pulumi.eu.yaml: meet-eu-1 is not the resource id of an instance or the ARN of its copied backups. Write one such as db-ABCDEFGHIJKLMNOPQRSTUVWXYZ.",
  ),
  primary(
    "a restore to a time without zone",
    { "meet:database": { restore: { from: "db-ABCDEFGHIJKL", to: "2026-11-23 03:00" } } },
    'Config meet:database.restore.to in Pulumi.eu.yaml: 2026-11-23 03:00 is not a time in UTC, in quotes. Write one such as "2026-11-23T03:00:00Z".',
  ),
  primary(
    "a database that may not grow to its size",
    { "meet:database": { storageGib: 200, maxStorageGib: 100 } },
    "Config meet:database.storageGib in Pulumi.eu.yaml: 200 is more than maxStorageGib 100. Lower storageGib or raise maxStorageGib.",
  ),
  primary(
    "a database that may hardly grow",
    { "meet:database": { storageGib: 100, maxStorageGib: 105 } },
    "Config meet:database.maxStorageGib in Pulumi.eu.yaml: 105 is less than 10 % above storageGib 100, which RDS refuses. Raise it, or set both alike to switch growth off.",
  ),
  primary(
    "a database version without quotes",
    { "meet:database": { engineVersion: 16 } },
    'Config meet:database.engineVersion in Pulumi.eu.yaml: 16 is a number here, not text. Put it in quotes: "16".',
  ),
  primary(
    "an instance class that is none",
    { "meet:database": { instanceClass: "t4g.small" } },
    "Config meet:database.instanceClass in Pulumi.eu.yaml: t4g.small is not an RDS instance class. Write one such as db.t4g.medium.",
  ),
  primary(
    "a cache node that is none",
    { "meet:meetValkey": { nodeType: "large" } },
    "Config meet:meetValkey.nodeType in Pulumi.eu.yaml: large is not an ElastiCache node type. Write one such as cache.t4g.medium.",
  ),
  primary(
    "one backend",
    { "meet:backend": { minReplicas: 1 } },
    "Config meet:backend.minReplicas in Pulumi.eu.yaml: 1 is not a whole number from 2 to 100. Choose one within these bounds.",
  ),
  primary(
    "one frontend",
    { "meet:frontend": { replicas: 1 } },
    "Config meet:frontend.replicas in Pulumi.eu.yaml: 1 is not a whole number from 2 to 100. Choose one within these bounds.",
  ),
];
