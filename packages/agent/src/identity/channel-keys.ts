/**
 * The channel's private keys: made in the enclave, one set a keyset and replica, never stored and never shared. Within a key's life every
 * encapsulated key is accepted once; what was accepted is remembered for a while after the key's end, so that a client can be told whether
 * a request that it sends again was answered before (spec/channel.md §6).
 */

import {
  type DecapsulatedRequest,
  decapsulateRequest,
  encodeKeyConfigs,
  type Form,
  type KemKeyPair,
  type KeyHolder,
  X_WING,
  X25519,
} from '@assay/channel';
import { encodeHex } from '@assay/encoding/hex';
import type { Fleet, FleetKeyset } from '@assay/ledger';

/** Requests one set takes before it must be replaced; bounds the memory of the replay guard (about 100 bytes each). */
export const MAX_REQUESTS_PER_KEY = 1_000_000;
/** From this share of them on, the set is due to be replaced. */
const WORN_AT = 0.75;
const MOST_KEY_ID = 254;
/** What was accepted is remembered so long after the end of its keys, seconds: by then every refused client has asked. */
const KEPT_SECONDS = 3600;

/** The pairs of one keyset. */
export interface ChannelKeySet {
  /** X25519, then X-Wing. */
  readonly keys: readonly KeyHolder[];
  /** Epoch seconds from which requests to these keys are refused. */
  readonly notAfter: number;
}

/** Gives ids to channel keys that no other agent on the same store has. */
export type KeyIds = Pick<Fleet, 'claimKeyIds' | 'releaseKeyIds'>;

export type Claim = 'fresh' | 'replayed' | 'exhausted';

interface LiveSet {
  /** Empty from the end on. */
  keys: readonly KeyHolder[];
  readonly keysetDigest: string;
  /** Epoch seconds. */
  endsAt: number;
  /** Epoch seconds until which `seen` is kept. */
  keptUntil: number;
  /** Encapsulated keys that were accepted while this set was the newest. */
  readonly seen: Set<string>;
}

/** The sets of all keysets that clients may still use, and the memory of what was opened with them. */
export class ChannelKeys {
  /** Newest first. */
  #sets: readonly LiveSet[] = [];
  #lastKeyId = 0;
  readonly #ids: KeyIds | null;

  /** @param ids - where agents that share a store take ids from; left out: this process counts by itself. */
  constructor(ids: KeyIds | null = null) {
    this.#ids = ids;
  }

  /** With a first set in force. */
  static async generate(notAfter: number, keysetDigest = ''): Promise<ChannelKeys> {
    const all = new ChannelKeys();
    all.publish(await all.next(notAfter), keysetDigest, notAfter);
    return all;
  }

  /** Makes fresh pairs, X25519 and X-Wing, under key ids that no live set has. They open nothing before {@link publish}. */
  async next(notAfter: number): Promise<ChannelKeySet> {
    const pairs: readonly KemKeyPair[] = [await X25519.generate(), await X_WING.generate()];
    const ids = (await this.#ids?.claimKeyIds(pairs.length)) ?? pairs.map(() => this.#nextId());
    return { keys: pairs.map((keyPair, i) => ({ keyId: ids[i] ?? 0, keyPair })), notAfter };
  }

  #nextId(): number {
    this.#lastKeyId = this.#lastKeyId >= MOST_KEY_ID ? 1 : this.#lastKeyId + 1;
    return this.#lastKeyId;
  }

  /** Whether a key with this id opens requests now. */
  has(keyId: number, nowSeconds: number): boolean {
    return this.#live(nowSeconds).some((key) => key.keyId === keyId);
  }

  /** Puts a set in force. Older ones open requests until `othersEndAt` (epoch seconds), no longer than their own time. */
  publish(set: ChannelKeySet, keysetDigest: string, othersEndAt: number): void {
    const ends = { endsAt: set.notAfter, keptUntil: Number.POSITIVE_INFINITY };
    for (const each of this.#sets) {
      each.endsAt = Math.min(each.endsAt, othersEndAt);
      each.keptUntil = Math.min(each.keptUntil, each.endsAt + KEPT_SECONDS);
    }
    this.#sets = [{ keys: set.keys, keysetDigest, ...ends, seen: new Set() }, ...this.#sets];
  }

  /** Destroys the keys of sets whose time is over, and forgets what is old. */
  end(nowSeconds: number): void {
    for (const set of this.#sets) {
      if (nowSeconds < set.endsAt) continue;
      for (const { keyPair } of set.keys) keyPair.destroy();
      // The store may be away: then they are free once this agent has ended.
      if (set.keys.length > 0) this.#ids?.releaseKeyIds(set.keys.map(({ keyId }) => keyId)).catch(() => undefined);
      set.keys = [];
    }
    this.#sets = this.#sets.filter((set, index) => index === 0 || nowSeconds < set.keptUntil);
  }

  /** The keys of the newest set, to list in its keyset. */
  get keys(): readonly KeyHolder[] {
    return this.#sets[0]?.keys ?? [];
  }

  /** `application/ohttp-keys` document: all keys in use, the newest set first. */
  configuration(nowSeconds: number): Uint8Array {
    return encodeKeyConfigs(
      this.#live(nowSeconds).map(({ keyId, keyPair }) => ({ keyId, kem: keyPair.kem, publicKey: keyPair.publicKey })),
    );
  }

  /** The X25519 pairs in use, newest first; EHBP names none of them in its requests. */
  baselines(nowSeconds: number): readonly KemKeyPair[] {
    return this.#live(nowSeconds)
      .map(({ keyPair }) => keyPair)
      .filter(({ kem }) => kem === X25519.id);
  }

  /** Keysets whose keys open requests now, each until `notAfter` (epoch seconds). */
  keysets(nowSeconds: number): readonly FleetKeyset[] {
    return this.#sets
      .filter(({ endsAt, keys }) => nowSeconds < endsAt && keys.length > 0)
      .map(({ keysetDigest, endsAt, keys }) => ({
        digest: keysetDigest,
        notAfter: endsAt,
        keyIds: keys.map(({ keyId }) => keyId),
      }));
  }

  /** Keysets whose keys still open requests beside the newest. */
  ending(nowSeconds: number): readonly { readonly keysetDigest: string; readonly endsAt: number }[] {
    return this.#sets.slice(1).filter(({ endsAt }) => nowSeconds < endsAt);
  }

  /** True when the newest set has taken so many requests that it is due to be replaced. */
  get worn(): boolean {
    return (this.#sets[0]?.seen.size ?? 0) >= WORN_AT * MAX_REQUESTS_PER_KEY;
  }

  /** Opens a request to a key that is still in its time. @throws {ChannelError} */
  open(bytes: Uint8Array, form: Form, nowSeconds: number): Promise<DecapsulatedRequest> {
    return decapsulateRequest(bytes, form, this.#live(nowSeconds));
  }

  /** Accepts each encapsulated key once. Claim only after the request decrypted, so that garbage cannot fill the memory. */
  claim(encapsulated: Uint8Array): Claim {
    return this.#claim(requestId(encapsulated));
  }

  /**
   * Settles what became of an earlier request to `keysetDigest`, by its {@link requestId}: `fresh` means that it was not accepted and
   * never will be; `unknown`, that this process cannot tell.
   */
  settle(keysetDigest: string, id: string): Claim | 'unknown' {
    return this.#sets.some((set) => set.keysetDigest === keysetDigest) ? this.#claim(id) : 'unknown';
  }

  #claim(id: string): Claim {
    if (this.#sets.some(({ seen }) => seen.has(id))) return 'replayed';
    const newest = this.#sets[0]?.seen;
    if (newest === undefined || newest.size >= MAX_REQUESTS_PER_KEY) return 'exhausted';
    newest.add(id);
    return 'fresh';
  }

  #live(nowSeconds: number): readonly KeyHolder[] {
    const [only] = this.#sets;
    if (this.#sets.length === 1 && only !== undefined) return nowSeconds < only.endsAt ? only.keys : [];
    return this.#sets.flatMap(({ keys, endsAt }) => (nowSeconds < endsAt ? keys : []));
  }
}

/** Names a request by its encapsulated key: lower-case hex of the first 32 bytes. */
export function requestId(encapsulated: Uint8Array): string {
  return encodeHex(encapsulated.subarray(0, 32));
}
