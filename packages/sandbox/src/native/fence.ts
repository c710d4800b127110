/**
 * Finds the end of one session cell's output in a stream that stays open: the runner writes a random mark after each cell. The
 * mark is no secret from the code; a forged one only cuts the forger's own output short.
 */
export class Fence {
  readonly #mark: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #passed: () => void = () => {};
  /** Resolves when the mark has come. */
  readonly passed: Promise<void>;

  /** `mark` is hex. */
  constructor(mark: string) {
    this.#mark = Buffer.from(mark, 'hex');
    this.passed = new Promise((resolve) => {
      this.#passed = resolve;
    });
  }

  /** Bytes that certainly stand before the mark. */
  write(chunk: Buffer): Buffer {
    const whole = Buffer.concat([this.#held, chunk]);
    const at = whole.indexOf(this.#mark);
    if (at !== -1) {
      this.#held = Buffer.alloc(0);
      this.#passed();
      return whole.subarray(0, at);
    }
    const keep = Math.min(whole.length, this.#mark.length - 1);
    this.#held = whole.subarray(whole.length - keep);
    return whole.subarray(0, whole.length - keep);
  }
}
