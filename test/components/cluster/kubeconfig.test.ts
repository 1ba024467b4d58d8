import { describe, expect, it } from "vitest";
import { addOnConfiguration } from "../../../components/cluster/add-ons.ts";
import { kubeconfig } from "../../../components/cluster/kubeconfig.ts";

describe("the kubeconfig", () => {
  const written: unknown = JSON.parse(
    kubeconfig({
      clusterName: "meet-eu",
      awsRegion: "eu-west-3",
      endpoint: "https://abc.gr7.eu-west-3.eks.amazonaws.com",
      certificateAuthority: "Q0E=",
    }),
  );

  it("names one cluster, its address and its authority", () => {
    expect(written).toMatchObject({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "meet-eu",
      contexts: [{ name: "meet-eu", context: { cluster: "meet-eu", user: "meet-eu" } }],
      clusters: [
        {
          name: "meet-eu",
          cluster: {
            server: "https://abc.gr7.eu-west-3.eks.amazonaws.com",
            "certificate-authority-data": "Q0E=",
          },
        },
      ],
    });
  });

  it("asks the AWS CLI for a token in a fixed region, and holds none itself", () => {
    expect(written).toHaveProperty("users", [
      {
        name: "meet-eu",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: [
              "--region",
              "eu-west-3",
              "eks",
              "get-token",
              "--cluster-name",
              "meet-eu",
              "--output",
              "json",
            ],
            interactiveMode: "Never",
          },
        },
      },
    ]);
  });
});

describe("add-on settings", () => {
  it("switch network policies on in the CNI, which enforces none by itself", () => {
    expect(addOnConfiguration("vpc-cni")).toBe('{"enableNetworkPolicy":"true"}');
  });

  it.each(["kube-proxy", "coredns", "metrics-server", "eks-pod-identity-agent"] as const)(
    "leave %s at its defaults",
    (addOn) => {
      expect(addOnConfiguration(addOn)).toBeUndefined();
    },
  );
});
