/**
 * The chain of one boot: gives each entry its number, its link to the one before and its signature (spec/log.md §2). State moves only
 * when the caller says that a batch is committed, so a failed transaction leaves no gap.
 */

import { hash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { type Digest, encodeLeaf, type LeafKind, type Signer, sealLeaf } from '@assay/receipt';

/** As `commitment` and `hashLeaf` of the receipt package, by the runtime's own SHA-256; a test holds them equal. */
const COMMITMENT_PREFIX = utf8('assay-commitment/1\n');
const LEAF_PREFIX = Uint8Array.of(0);

export interface LogName {
  readonly origin: string;
  readonly logKeys: Digest;
  readonly replica: string;
  readonly boot: string;
}

interface Position {
  readonly seq: number;
  readonly prev: string | null;
  readonly time: number;
}

/** A leaf ready for the tree. */
export interface SequencedLeaf {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export class Sequencer {
  readonly #name: LogName;
  readonly #signer: Signer;
  #committed: Position = { seq: 0, prev: null, time: 0 };
  #next: Position = this.#committed;

  constructor(name: LogName, signer: Signer) {
    this.#name = name;
    this.#signer = signer;
  }

  /** The next leaf; `salt` is 32 random bytes, `time` epoch milliseconds. */
  next(entry: {
    readonly kind: LeafKind;
    readonly body: Uint8Array | string;
    readonly salt: Uint8Array;
    readonly nonce: string | null;
    readonly keysetDigest: Digest;
    readonly time: number;
  }): SequencedLeaf {
    const { origin, logKeys, replica, boot } = this.#name;
    const { seq, prev } = this.#next;
    const time = Math.max(this.#next.time, entry.time);
    const body = typeof entry.body === 'string' ? utf8(entry.body) : entry.body;
    const leaf = sealLeaf(
      {
        v: 'assay-leaf/1',
        kind: entry.kind,
        origin,
        log_keys: logKeys,
        replica,
        boot,
        seq,
        prev,
        time,
        nonce: entry.nonce,
        keyset_digest: entry.keysetDigest,
        commitment: hash('sha256', concatBytes(COMMITMENT_PREFIX, entry.salt, body)),
      },
      this.#signer,
    );
    const bytes = encodeLeaf(leaf);
    const leafHash = hash('sha256', concatBytes(LEAF_PREFIX, bytes), 'buffer');
    this.#next = { seq: seq + 1, prev: leafHash.toString('hex'), time };
    return { bytes, hash: leafHash };
  }

  commit(): void {
    this.#committed = this.#next;
  }

  rollback(): void {
    this.#next = this.#committed;
  }
}
