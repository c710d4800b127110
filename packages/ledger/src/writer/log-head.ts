/** The signed head of the log: the checkpoint that rides with answers, and the one that is published and kept for the next start. */

import { CheckpointSigner, type LogKey } from '../log-key.ts';
import type { PublishedHead } from '../store.ts';
import type { GrowingTree } from '../tree.ts';
import { keepCheckpoint } from './kept-checkpoint.ts';
import type { Outcome } from './plan-batch.ts';
import type { Answer } from './protocol.ts';

const KEEP_CHECKPOINT_MS = 1_000;

export class LogHead {
  readonly #directory: string;
  readonly #signer: CheckpointSigner;
  #note = '';
  #published: PublishedHead | null = null;
  #keptAt = 0;
  /** Newest time that came with an entry or a question, epoch milliseconds. */
  #lastTime = 0;

  /** `directory` keeps the newest published checkpoint. */
  constructor(directory: string, logKey: LogKey) {
    this.#directory = directory;
    this.#signer = new CheckpointSigner(logKey);
  }

  /** Signs a committed head. */
  sign(tree: GrowingTree): void {
    this.#note = this.#signer.sign(tree.size, tree.root());
  }

  /** The last signed head with its Ed25519 signature. */
  get checkpoint(): string {
    return this.#note;
  }

  get lastTime(): number {
    return this.#lastTime;
  }

  /** Notes a time that came in, epoch milliseconds. */
  saw(time: number): void {
    this.#lastTime = Math.max(this.#lastTime, time);
  }

  /** The committed head of `tree` with all signatures. `time` in epoch milliseconds. */
  publish(tree: GrowingTree, time: number): PublishedHead {
    this.saw(time);
    const { size } = tree;
    if (this.#published?.size !== size)
      this.#published = { size, note: this.#signer.publish(size, tree.root(), Math.floor(time / 1000)) };
    if (time - this.#keptAt >= KEEP_CHECKPOINT_MS || time < this.#keptAt) this.#keep(this.#published, time);
    return this.#published;
  }

  /** Publishes and keeps the last head. */
  close(tree: GrowingTree): void {
    if (tree.size > 0) this.#keep(this.publish(tree, this.#lastTime), 0);
  }

  #keep(head: PublishedHead, time: number): void {
    try {
      keepCheckpoint(this.#directory, head.note);
      this.#keptAt = time;
    } catch {
      this.#keptAt = 0;
    }
  }
}

/** The answer to a request whose transaction is committed in `tree`. */
export function answerOf({ id, error, appended }: Outcome, tree: GrowingTree): Answer {
  if (error !== undefined) return { id, error };
  if (appended === undefined) return { id, value: null };
  const { index, leaf, salt } = appended;
  let path = '';
  for (const hash of tree.inclusionPath(index)) path += `${hash}\n`;
  return { id, entry: { index, leaf, salt, path } };
}
