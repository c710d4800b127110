/** Turns pushed events into the async iterable of a run: numbered without gaps, closed by its `result`. */

import type { SandboxEvent, SandboxResult } from '../../../ports/sandbox.ts';

type Unnumbered<Event> = Event extends { readonly sequence: number } ? Omit<Event, 'sequence'> : never;
/** An event before it gets its number. */
export type PlainEvent = Unnumbered<SandboxEvent>;

export class EventQueue {
  readonly #events: SandboxEvent[] = [];
  #sequence = 0;
  #wake: () => void = () => {};
  #closed = false;

  push(event: PlainEvent): void {
    if (this.#closed) return;
    this.#events.push({ ...event, sequence: this.#sequence } as SandboxEvent);
    this.#sequence += 1;
    this.#wake();
  }

  /** Adds the result and closes. */
  finish(result: SandboxResult): void {
    this.push({ type: 'result', result });
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SandboxEvent> {
    for (;;) {
      const next = this.#events.shift();
      if (next !== undefined) yield next;
      else if (this.#closed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
