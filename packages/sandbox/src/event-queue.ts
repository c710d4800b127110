/** Events of one job on their way to the caller: numbered from 0 without gaps, the last one is `result`. */

import type { SandboxEvent } from './port.ts';

type Unnumbered<Event> = Event extends { readonly sequence: number } ? Omit<Event, 'sequence'> : never;

/** An event before it gets its number. */
export type PlainEvent = Unnumbered<SandboxEvent>;

export class EventQueue {
  readonly #events: SandboxEvent[] = [];
  #sequence = 0;
  #ended = false;
  #failure: unknown = null;
  #wake: () => void = () => {};

  push(event: PlainEvent): void {
    this.#events.push({ sequence: this.#sequence, ...event } as SandboxEvent);
    this.#sequence += 1;
    if (event.type === 'result') this.#ended = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SandboxEvent, void, undefined> {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event;
      if (this.#ended) {
        if (this.#failure !== null) throw this.#failure;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#events.length > 0 || this.#ended) resolve();
      });
    }
  }
}
