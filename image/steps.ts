/** What a program that takes minutes is doing: one line a step on standard error, with the seconds since the first. */

export interface StepsOptions {
  readonly write?: ((text: string) => void) | undefined;
  /** Milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** @example const steps = new Steps(); steps.begin('compile the packages'); */
export class Steps {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #begun: number;

  constructor({ write = (text) => void process.stderr.write(text), now = () => performance.now() }: StepsOptions = {}) {
    this.#write = write;
    this.#now = now;
    this.#begun = now();
  }

  /** Says what begins now. */
  begin(step: string): void {
    this.#write(`${this.elapsed().padStart(6)}  ${step}\n`);
  }

  /** Since the first step: `75 s`. */
  elapsed(): string {
    return `${Math.floor((this.#now() - this.#begun) / 1000)} s`;
  }
}
