/**
 * The key that payloads, state and jobs are sealed under before they reach a database: prompts, code, answers and files, operator variables,
 * the inputs and results of jobs. AES-256-GCM; each sealed text is bound to its place, so that rows cannot be exchanged.
 *
 * The key stands in `data-key.json` of the data directory, which is as safe as the machine's disk: on the embedded store it protects copies of
 * `log.db` alone, on PostgreSQL everything from the database's operator. Receipts, reports and log entries stay in clear: they hold hashes.
 */

import { createCipheriv, createDecipheriv, createSecretKey, hash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { LedgerError } from './errors.ts';
import { createKeyFile, readKeyFile } from './key-file.ts';

export const DATA_KEY_FILE = 'data-key.json';
/** How much longer a sealed piece of a payload is than its bytes. */
export const PIECE_OVERHEAD = 16;
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
  readonly #pieces: KeyObject;
  readonly #texts: KeyObject;

  /** @param secret 32 bytes. */
  constructor(secret: KeyObject) {
    this.secret = secret;
    this.#pieces = subkey(secret, 'assay pieces/1');
    this.#texts = subkey(secret, 'assay texts/1');
  }

  /** Names the key without telling it: 16 hex characters. */
  get id(): string {
    return encodeHex(new Uint8Array(hkdfSync('sha256', this.secret, '', 'assay data key id/1', 8)));
  }

  /** A piece of a payload, sealed. The nonce follows from payload and place, so that it never meets other bytes. */
  sealPiece(place: PiecePlace, bytes: Uint8Array): Uint8Array {
    const bound = boundTo(place);
    const cipher = createCipheriv('aes-256-gcm', this.#pieces, hash('sha256', bound, 'buffer').subarray(0, NONCE_BYTES));
    cipher.setAAD(bound);
    return concatBytes(cipher.update(bytes), cipher.final(), cipher.getAuthTag());
  }

  /** @throws {LedgerError} `ledger/corrupt`. */
  openPiece(place: PiecePlace, sealed: Uint8Array): Uint8Array {
    const bound = boundTo(place);
    return opened(this.#pieces, hash('sha256', bound, 'buffer').subarray(0, NONCE_BYTES), bound, sealed);
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
    return opened(this.#texts, sealed.subarray(0, NONCE_BYTES), utf8(place), sealed.subarray(NONCE_BYTES));
  }
}

/**
 * The key of a data directory, made there on the first start.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function openDataKey(directory: string): DataKey {
  const path = join(directory, DATA_KEY_FILE);
  for (;;) {
    const text = readKeyFile(path);
    if (text !== null) return parsed(text, path);
    createKeyFile(path, `${JSON.stringify({ v: 1, key: randomBytes(32).toString('hex') })}\n`);
  }
}

/**
 * The key that is in `directory`; none is made.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function readDataKey(directory: string): DataKey {
  const path = join(directory, DATA_KEY_FILE);
  const text = readKeyFile(path);
  if (text === null)
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected ${DATA_KEY_FILE} in ${directory}, got none; set ASSAY_DATA_DIR to the agent's directory`,
    );
  return parsed(text, path);
}

function parsed(text: string, path: string): DataKey {
  try {
    const { v, key } = parseJson(text) as { readonly v?: unknown; readonly key?: unknown };
    if (v !== 1) throw new Error('another version');
    return new DataKey(createSecretKey(decodeHex(String(key), { bytes: 32 })));
  } catch (cause) {
    throw new LedgerError(
      'ledger/bad-key-file',
      `${path} is not a data key file; restore it, what was sealed under it cannot be read without it`,
      {
        cause,
      },
    );
  }
}

function subkey(secret: KeyObject, use: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secret, '', use, 32)));
}

function boundTo({ hash: payload, n, last }: PiecePlace): Uint8Array {
  return utf8(`${encodeHex(payload)}/${n}/${last ? 'last' : 'more'}`);
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
