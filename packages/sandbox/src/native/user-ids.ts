/** User ids for jobs, so that no two share one at the same time. */

import { SandboxError } from '../errors.ts';

/** Far from the ids of people, services and containers, and below 2^31 (bubblewrap writes them signed); a block for each agent. */
const FIRST_UID = 1_800_000_000;
const UIDS_PER_AGENT = 256;
const AGENTS = 2 ** 20;

/**
 * The ids in use, of all sandboxes of this process: the kernel counts processes by user id, so a job of one sandbox that makes as many as it
 * may would leave none for a job of another with the same id, which then never gets ready.
 */
const taken = new Set<number>();

/** Hands out user ids that no other job has at the same time. */
export class UserIds {
  readonly #first = FIRST_UID + (process.pid % AGENTS) * UIDS_PER_AGENT;

  take(): number {
    for (let id = this.#first; id < this.#first + UIDS_PER_AGENT; id += 1) {
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
    throw new SandboxError('sandbox/busy', `expected at most ${UIDS_PER_AGENT} sandboxes at a time; try again later`);
  }

  give(id: number): void {
    taken.delete(id);
  }
}
