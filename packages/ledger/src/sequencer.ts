/**
 * The chain of one boot: gives each entry its number, its link to the one before and its signature (spec/log.md §2), and holds the leaf
 * keys of the keysets that may sign. State moves only when the caller says that a batch is committed, so a failed transaction leaves no
 * gap, and a keyset that could not name its successor can still do so.
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

interface LeafSigner extends Signer {
  /** Epoch seconds; later it signs nothing. */
  readonly notAfter: number;
}

interface Position {
  readonly seq: number;
  readonly prev: string | null;
  readonly time: number;
  /** By keyset digest. */
  readonly signers: ReadonlyMap<string, LeafSigner>;
}

/** A leaf ready for the tree. */
export interface SequencedLeaf {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export class Sequencer {
  readonly #name: LogName;
  #committed: Position = { seq: 0, prev: null, time: 0, signers: new Map() };
  #next: Position = this.#committed;

  constructor(name: LogName) {
    this.#name = name;
  }

  /** Lets the leaf key of a keyset sign; forgotten again when the batch fails. */
  admit(keysetDigest: string, signer: LeafSigner): void {
    this.#next = { ...this.#next, signers: new Map([...this.#next.signers, [keysetDigest, signer]]) };
  }

  /** Whether this keyset may sign. */
  admits(keysetDigest: string): boolean {
    return this.#next.signers.has(keysetDigest);
  }

  /** Forgets the leaf key of a keyset; it is back when the batch fails. */
  dismiss(keysetDigest: string): void {
    const kept = [...this.#next.signers].filter(([digest]) => digest !== keysetDigest);
    this.#next = { ...this.#next, signers: new Map(kept) };
  }

  /** Forgets for good the leaf keys whose time is over. `time` in epoch milliseconds; between batches only. */
  expire(time: number): void {
    const kept = [...this.#committed.signers].filter(([, { notAfter }]) => notAfter * 1000 > time);
    if (kept.length === this.#committed.signers.size) return;
    this.#committed = { ...this.#committed, signers: new Map(kept) };
    this.#next = this.#committed;
  }

  /** The next leaf; `salt` is 32 bytes, `time` epoch milliseconds. The keyset must be one that {@link admits} says may sign. */
  next(entry: {
    readonly kind: LeafKind;
    readonly body: Uint8Array | string;
    readonly salt: Uint8Array;
    readonly nonce: string | null;
    readonly keysetDigest: Digest;
    readonly time: number;
  }): SequencedLeaf {
    const { origin, logKeys, replica, boot } = this.#name;
    const { seq, prev, signers } = this.#next;
    const signer = signers.get(entry.keysetDigest);
    if (signer === undefined) throw new Error('a keyset that was not admitted cannot sign');
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
      signer,
    );
    const bytes = encodeLeaf(leaf);
    const leafHash = hash('sha256', concatBytes(LEAF_PREFIX, bytes), 'buffer');
    this.#next = { seq: seq + 1, prev: leafHash.toString('hex'), time, signers };
    return { bytes, hash: leafHash };
  }

  commit(): void {
    this.#committed = this.#next;
  }

  rollback(): void {
    this.#next = this.#committed;
  }
}
