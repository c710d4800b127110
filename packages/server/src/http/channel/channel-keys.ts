/**
 * The channel's private keys: made in the enclave at start, one set a replica, never stored and never shared. A restart makes new
 * ones, so a request recorded before it cannot be replayed after it; within a key's life every encapsulated key is accepted once.
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

/** Requests one key pair takes before it must be replaced; bounds the memory of the replay guard (about 100 bytes each). */
export const MAX_REQUESTS_PER_KEY = 1_000_000;

export interface ChannelKey extends KeyHolder {
  /** Epoch seconds after which requests to this key are refused. */
  readonly notAfter: number;
}

export type Claim = 'fresh' | 'replayed' | 'exhausted';

/** The live key pairs and the memory of what was already opened with them. */
export class ChannelKeys {
  readonly #keys: readonly ChannelKey[];
  readonly #seen = new Set<string>();

  private constructor(keys: readonly ChannelKey[]) {
    this.#keys = keys;
  }

  /** Makes fresh pairs: X25519 under key id 1, X-Wing under key id 2. */
  static async generate(notAfter: number): Promise<ChannelKeys> {
    const pairs: readonly KemKeyPair[] = [await X25519.generate(), await X_WING.generate()];
    return new ChannelKeys(pairs.map((keyPair, index) => ({ keyId: index + 1, keyPair, notAfter })));
  }

  /** The keys to list in the attested keyset. */
  get keys(): readonly ChannelKey[] {
    return this.#keys;
  }

  /** `application/ohttp-keys` document. */
  get configuration(): Uint8Array {
    return encodeKeyConfigs(
      this.#keys.map(({ keyId, keyPair }) => ({ keyId, kem: keyPair.kem, publicKey: keyPair.publicKey })),
    );
  }

  /** Epoch seconds after which no request is opened. */
  get notAfter(): number {
    return Math.min(...this.#keys.map((key) => key.notAfter));
  }

  /** The X25519 pair, which EHBP and Nitro's `public_key` use. */
  get baseline(): KemKeyPair {
    const [first] = this.#keys;
    if (!first) throw new Error('a channel has at least one key');
    return first.keyPair;
  }

  /** Opens a request to a key that is still in its time. @throws {ChannelError} */
  open(bytes: Uint8Array, form: Form, nowSeconds: number): Promise<DecapsulatedRequest> {
    return decapsulateRequest(
      bytes,
      form,
      this.#keys.filter((key) => nowSeconds <= key.notAfter),
    );
  }

  /** Accepts each encapsulated key once. Claim only after the request decrypted, so that garbage cannot fill the memory. */
  claim(encapsulated: Uint8Array): Claim {
    const id = encodeHex(encapsulated.subarray(0, 32));
    if (this.#seen.has(id)) return 'replayed';
    if (this.#seen.size >= MAX_REQUESTS_PER_KEY) return 'exhausted';
    this.#seen.add(id);
    return 'fresh';
  }
}
