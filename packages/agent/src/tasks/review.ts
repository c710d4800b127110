/** Code that waits for a person: one proposal at a time, one decision on it (spec/receipt.md §3a). */

import { ServerError } from '../errors.ts';

/** Code that is not to run before somebody approved it. */
export interface Proposal {
  readonly attempt: number;
  readonly language: string;
  /** `sha256:<hex>` over the UTF-8 code. */
  readonly codeHash: string;
}

export interface Decision {
  readonly attempt: number;
  /** As in {@link Proposal.codeHash}: the code that was looked at. */
  readonly proposedHash: string;
  readonly decision: 'run' | 'discard';
  /** The edited code; left out to run the code as proposed. */
  readonly code?: string | undefined;
  /** The exact bytes of the request that decided. */
  readonly requestBody: Uint8Array;
}

interface Waiting {
  readonly proposal: Proposal;
  readonly settle: (decision: Decision | null) => void;
}

/** Where the proposals of one task are decided. */
export class ReviewDesk {
  #waiting: Waiting | null = null;

  /**
   * Waits for the decision; `null` when none was made in time. Rejects with the reason of `signal` when that comes first.
   * @param ms - How long it may take.
   */
  async ask(
    proposal: Proposal,
    { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
  ): Promise<Decision | null> {
    signal.throwIfAborted();
    let end = (): void => undefined;
    try {
      return await new Promise((settle, reject) => {
        const timer = setTimeout(() => settle(null), ms);
        const stop = (): void => reject(signal.reason);
        signal.addEventListener('abort', stop, { once: true });
        end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', stop);
        };
        this.#waiting = { proposal, settle };
      });
    } finally {
      this.#waiting = null;
      end();
    }
  }

  /**
   * Decides on the code that waits.
   * @throws {ServerError} `http/conflict` when no code waits, or another one than the decision names.
   */
  decide(decision: Decision): void {
    const waiting = this.#waiting;
    if (waiting === null)
      throw new ServerError('http/conflict', 'no code of this task waits for a review; look at its state and its events');
    const { attempt, codeHash } = waiting.proposal;
    if (decision.attempt !== attempt || decision.proposedHash !== codeHash)
      throw new ServerError(
        'http/conflict',
        `expected a decision on attempt ${attempt} with ${codeHash}, got one on attempt ${decision.attempt} with ${decision.proposedHash}; look at the code that waits now`,
      );
    this.#waiting = null;
    waiting.settle(decision);
  }
}
