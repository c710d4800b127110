/** Text that one side says piece by piece and another reads when it can. What is not read yet is kept as one piece. */

export class TextQueue {
  #kept = '';
  #ended = false;
  #wake: () => void = () => undefined;
  #began: () => void = () => undefined;
  /** Resolves with the first piece, or at the end. */
  readonly first: Promise<void> = new Promise((resolve) => {
    this.#began = resolve;
  });

  push(text: string): void {
    this.#kept += text;
    this.#began();
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#began();
    this.#wake();
  }

  /** What was pushed, in order, until the end. For one reader. */
  async *texts(): AsyncGenerator<string> {
    for (;;) {
      const text = this.#kept;
      this.#kept = '';
      if (text !== '') yield text;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
