/**
 * The chain of one boot: gives each entry its number and its link to the entry before, signs the entries of a transaction together (spec/log.md
 * §2 and §2a), and holds the leaf keys of the keysets that may sign. State moves only when the caller says that a batch is committed, so a
 * failed transaction leaves no gap, and a keyset that could not name its successor can still do so.
 */

import { encodeHex } from '@assay/encoding/hex';
import {
  assertLeafFits,
  batchOf,
  contentText,
  type Digest,
  type LeafKind,
  MAX_BATCH,
  type Signer,
  signedText,
  taggedContent,
} from '@assay/receipt';
import { commitmentOf, entryHash, nodeHash } from './native-hash.ts';

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
  readonly text: string;
  /** Leaf hash in the log's tree, base64. */
  readonly hash: string;
}

/** A leaf that is in the chain and not signed yet. */
interface UnsignedLeaf {
  readonly content: string;
  /** Content hash, hex. */
  readonly digest: string;
  readonly signer: Signer;
}

export class Sequencer {
  readonly #name: LogName;
  #committed: Position = { seq: 0, prev: null, time: 0, signers: new Map() };
  #next: Position = this.#committed;
  #unsigned: UnsignedLeaf[] = [];

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

  /**
   * Puts the next leaf into the chain, to be signed by {@link sign}. `salt` is 32 bytes, `time` epoch milliseconds. The keyset must be one that
   * {@link admits} says may sign.
   */
  next(entry: {
    readonly kind: LeafKind;
    readonly body: string;
    readonly salt: Uint8Array;
    readonly nonce: string | null;
    readonly keysetDigest: Digest;
    readonly time: number;
  }): void {
    const { origin, logKeys, replica, boot } = this.#name;
    const { seq, prev, signers } = this.#next;
    const signer = signers.get(entry.keysetDigest);
    if (signer === undefined) throw new Error('a keyset that was not admitted cannot sign');
    const time = Math.max(this.#next.time, entry.time);
    const content = contentText({
      v: 'assay-leaf/2',
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
      commitment: commitmentOf(entry.salt, entry.body),
      key_id: signer.keyId,
    });
    const digest = entryHash(taggedContent(content), 'hex');
    this.#unsigned.push({ content, digest, signer });
    this.#next = { seq: seq + 1, prev: digest, time, signers };
  }

  /** Signs what {@link next} put into the chain, in order: one signature for each run of leaves of one keyset. */
  sign(): readonly SequencedLeaf[] {
    const leaves = this.#unsigned;
    this.#unsigned = [];
    const signed: SequencedLeaf[] = [];
    for (let from = 0; from < leaves.length; ) {
      const { signer } = leaves[from] as UnsignedLeaf;
      let to = from + 1;
      while (to < leaves.length && to - from < MAX_BATCH && leaves[to]?.signer === signer) to += 1;
      const run = leaves.slice(from, to);
      const { signingInput, places } = batchOf(
        run.map(({ digest }) => digest),
        (left, right) => nodeHash(left, right, 'hex'),
      );
      const signature = encodeHex(signer.sign(signingInput));
      for (const [index, { content }] of run.entries()) {
        const text = signedText(content, { batch: places[index] as string, signature });
        assertLeafFits(text);
        signed.push({ text, hash: entryHash(text, 'base64') });
      }
      from = to;
    }
    return signed;
  }

  commit(): void {
    this.#committed = this.#next;
  }

  rollback(): void {
    this.#next = this.#committed;
    this.#unsigned = [];
  }
}
