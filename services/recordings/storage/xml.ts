/** Texts of all elements of a name. Meant for names and tokens, which hold no character that XML escapes. */
export function texts(xml: string, name: string): string[] {
  return elements(xml, name).filter((text) => !text.includes("<"));
}

/** What is inside all elements of a name, which are not within one another. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, "g"))].map(
    ([, inside = ""]) => inside,
  );
}
