/**
 * The key that payloads, state and jobs are sealed under before they reach a database: prompts, code, answers and files, operator variables,
 * the inputs and results of jobs. AES-256-GCM; each sealed text is bound to its place, so that rows cannot be exchanged.
 *
 * The key's file is data-key-file.ts. Receipts, reports and log entries stay in clear: they hold hashes.
 */

import { createCipheriv, createDecipheriv, createSecretKey, hash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { LedgerError } from './errors.ts';

/** How much longer a sealed piece of a payload is than its bytes. */
export const PIECE_OVERHEAD = 16;
/** From here on the cipher's own memory is given back at once; left to the collector, it makes that run over the whole heap. */
const LARGE_BYTES = 2 * 1024;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The place of a piece of a payload. */
export interface PiecePlace {
  /** SHA-256 of the payload. */
  readonly hash: Uint8Array;
  /** From 0. */
  readonly n: number;
  /** No piece follows. */
  readonly last: boolean;
}

/** Can be posted to a worker as its `secret`. */
export class DataKey {
  readonly secret: KeyObject;
  /** The key before it, while not everything is sealed under this one yet (upkeep/rotate-data-key.ts). It opens and seals nothing new. */
  readonly previous: DataKey | null;
  /** Names the key without telling it: 16 hex characters. */
  readonly id: string;
  readonly #pieces: KeyObject;
  readonly #texts: KeyObject;

  /** @param secret 32 bytes. */
  constructor(secret: KeyObject, previous: DataKey | null = null) {
    this.secret = secret;
    this.previous = previous;
    this.id = encodeHex(new Uint8Array(hkdfSync('sha256', secret, '', 'assay data key id/1', 8)));
    this.#pieces = subkey(secret, 'assay pieces/1');
    this.#texts = subkey(secret, 'assay texts/1');
  }

  /**
   * A piece of a payload, sealed. The nonce follows from payload and place, so that it never meets other bytes.
   * @param room - where it is written, at least {@link PIECE_OVERHEAD} longer than `bytes`; memory of its own unless given.
   */
  sealPiece(
    place: PiecePlace,
    bytes: Uint8Array,
    room: Buffer = Buffer.allocUnsafe(bytes.length + PIECE_OVERHEAD),
  ): Uint8Array {
    const bound = boundTo(place);
    const cipher = createCipheriv('aes-256-gcm', this.#pieces, nonceOf(bound));
    cipher.setAAD(Buffer.from(bound));
    const sealed = room.subarray(0, bytes.length + TAG_BYTES);
    const encrypted = cipher.update(bytes);
    sealed.set(encrypted);
    if (encrypted.length > LARGE_BYTES) freed(encrypted);
    cipher.final(); // empty in this mode
    sealed.set(cipher.getAuthTag(), bytes.length);
    return sealed;
  }

  /** @throws {LedgerError} `ledger/corrupt`. */
  openPiece(place: PiecePlace, sealed: Uint8Array): Uint8Array {
    const bound = boundTo(place);
    return this.#orPrevious(
      () => opened(this.#pieces, nonceOf(bound), utf8(bound), sealed),
      (previous) => previous.openPiece(place, sealed),
    );
  }

  /** Bytes of a named place, e.g. `state/variables/rpc/3`. */
  seal(place: string, bytes: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#texts, nonce);
    cipher.setAAD(utf8(place));
    return concatBytes(nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag());
  }

  /** @throws {LedgerError} `ledger/corrupt`. */
  open(place: string, sealed: Uint8Array): Uint8Array {
    return this.#orPrevious(
      () => opened(this.#texts, sealed.subarray(0, NONCE_BYTES), utf8(place), sealed.subarray(NONCE_BYTES)),
      (previous) => previous.open(place, sealed),
    );
  }

  #orPrevious(open: () => Uint8Array, openOld: (previous: DataKey) => Uint8Array): Uint8Array {
    if (this.previous === null) return open();
    try {
      return open();
    } catch {
      return openOld(this.previous);
    }
  }
}

function subkey(secret: KeyObject, use: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secret, '', use, 32)));
}

/** Gives memory back that only `bytes` stands in. */
function freed({ buffer }: Uint8Array): void {
  (buffer as ArrayBuffer & { transfer(length: number): ArrayBuffer }).transfer(0);
}

function boundTo({ hash: payload, n, last }: PiecePlace): string {
  const hex = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('hex');
  return `${hex}/${n}/${last ? 'last' : 'more'}`;
}

function nonceOf(bound: string): Uint8Array {
  return hash('sha256', bound, 'buffer').subarray(0, NONCE_BYTES);
}

function opened(key: KeyObject, nonce: Uint8Array, place: Uint8Array, sealed: Uint8Array): Uint8Array {
  try {
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(place);
    decipher.setAuthTag(sealed.subarray(end));
    return concatBytes(decipher.update(sealed.subarray(0, end)), decipher.final());
  } catch (cause) {
    throw new LedgerError(
      'ledger/corrupt',
      'a sealed text in the database does not open at its place: it was changed, moved, or sealed under another key; restore database and data-key.json from one backup',
      { cause },
    );
  }
}
