/** Processor architecture, in the words of AWS's parameters and of Kubernetes' `kubernetes.io/arch`. */
export type Architecture = "x86_64" | "arm64";

/**
 * The architecture of an instance type. Graviton families carry a "g" after their generation (`m7g`, `c7gn`, `im4gn`),
 * the first was `a1` (Amazon EC2 instance types, naming conventions); `g5` and `gr6` have theirs before it.
 */
export function architectureOf(instanceType: string): Architecture {
  return /^(a1|[a-z]+\d+[a-z]*g[a-z]*)\./.test(instanceType) ? "arm64" : "x86_64";
}

/** Whether a word has the form of an instance type, `<family><generation><options>.<size>`. */
export function isInstanceType(word: string): boolean {
  return /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/.test(word);
}
