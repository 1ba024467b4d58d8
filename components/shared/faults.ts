import * as pulumi from "@pulumi/pulumi";

/**
 * Collects everything that is wrong with a component's arguments, to report it at once and before any child is made.
 * Each fault reads `<what is wrong, with the value>. <What to do.>`
 */
export class Faults {
  private readonly sentences: string[] = [];
  private readonly type: string;
  private readonly name: string;

  constructor(type: string, name: string) {
    this.type = type;
    this.name = name;
  }

  /** Records a fault when `wrong` holds. */
  when(wrong: boolean, sentence: string): void {
    if (wrong) {
      this.sentences.push(sentence);
    }
  }

  /** @throws pulumi.ResourceError `<Type> "<name>": …`, one line per fault, when there is any. */
  throwIfAny(resource: pulumi.Resource): void {
    const subject = `${this.type} "${this.name}": `;
    if (this.sentences.length === 1) {
      throw new pulumi.ResourceError(subject + this.sentences.join(""), resource, true);
    }
    if (this.sentences.length > 1) {
      const list = this.sentences.map((sentence) => `\n - ${sentence}`).join("");
      throw new pulumi.ResourceError(
        `${subject}${this.sentences.length} faults.${list}`,
        resource,
        true,
      );
    }
  }
}
