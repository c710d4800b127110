/**
 * The file of the data key, `data-key.json`. Where the platform gives the application a secret (dstack), a new file is sealed under it: on the disk,
 * in copies and in backups it opens nothing. Elsewhere the key stands in clear, as safe as the disk. A file that stands in clear stays so until
 * the key is rotated: that key was on the disk.
 */

import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { DataKey } from './data-key.ts';
import { LedgerError } from './errors.ts';
import { createKeyFile, readKeyFile, replaceKeyFile } from './key-file.ts';

export const DATA_KEY_FILE = 'data-key.json';

/** 32 secret bytes that the platform gives to the application, on every machine; `null` where there are none. */
export type PlatformSecret = Uint8Array | null;

/** What a key file says to everyone who can read it. */
export interface DataKeyNames {
  /** Names the key without telling it. */
  readonly id: string;
  /** Of the key that a rotation replaces; `null` when none is under way. */
  readonly previous: string | null;
  /** Whether the file is sealed under a secret of the platform. */
  readonly sealed: boolean;
}

interface Keys {
  readonly key: DataKey;
  /** While not everything is sealed under `key`. */
  readonly previous?: DataKey | undefined;
}

/** `sealed`: the text of the first form, sealed. */
type Written =
  | { readonly v: 1; readonly key: string; readonly previous?: string | undefined }
  | { readonly v: 2; readonly id: string; readonly previous?: string | undefined; readonly sealed: string };

/**
 * The key of a data directory, made there on the first start.
 * @throws {LedgerError} `ledger/bad-key-file`.
 * @example const key = openDataKey('.assay')
 */
export function openDataKey(directory: string, secret: PlatformSecret = null): DataKey {
  for (;;) {
    const found = readFile(directory);
    if (found !== null) return keyIn(found, secret);
    const key = new DataKey(createSecretKey(randomBytes(32)));
    createKeyFile(join(directory, DATA_KEY_FILE), textOf({ key }, secret));
  }
}

/**
 * The key that is in `directory`; none is made.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function readDataKey(directory: string, secret: PlatformSecret = null): DataKey {
  return keyIn(existingFile(directory), secret);
}

/**
 * What the key file of `directory` says without any secret.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function dataKeyNames(directory: string): DataKeyNames {
  const found = existingFile(directory);
  if (found.written.v === 2) {
    const { id, previous = null } = found.written;
    return { id, previous, sealed: true };
  }
  const { id, previous } = keyIn(found, null);
  return { id, previous: previous?.id ?? null, sealed: false };
}

/** Puts keys in the place of those that are in `directory`, whole or not at all. */
export function writeDataKey(directory: string, keys: Keys, secret: PlatformSecret = null): void {
  replaceKeyFile(join(directory, DATA_KEY_FILE), textOf(keys, secret));
}

interface FoundFile {
  readonly path: string;
  readonly written: Written;
}

function existingFile(directory: string): FoundFile {
  const found = readFile(directory);
  if (found !== null) return found;
  throw new LedgerError(
    'ledger/bad-key-file',
    `expected ${DATA_KEY_FILE} in ${directory}, got none; set ASSAY_DATA_DIR to the agent's directory`,
  );
}

function readFile(directory: string): FoundFile | null {
  const path = join(directory, DATA_KEY_FILE);
  const text = readKeyFile(path);
  if (text === null) return null;
  try {
    return { path, written: parsed(text) };
  } catch (cause) {
    throw notAKeyFile(path, cause);
  }
}

function parsed(text: string): Written {
  const written = parseJson(text) as Readonly<Record<string, unknown>>;
  const { v, id, key, sealed, previous } = written;
  const named = previous === undefined || typeof previous === 'string';
  if (v === 1 && typeof key === 'string' && named) return { v, key, previous };
  if (v === 2 && typeof id === 'string' && typeof sealed === 'string' && named) return { v, id, sealed, previous };
  throw new Error('another form');
}

function keyIn({ path, written }: FoundFile, secret: PlatformSecret): DataKey {
  const clear = written.v === 1 ? written : unsealed(path, written.sealed, secret);
  const keyOf = (hex: string): KeyObject => createSecretKey(decodeHex(hex, { bytes: 32 }));
  try {
    const { key, previous } = clear;
    return new DataKey(keyOf(key), previous === undefined ? null : new DataKey(keyOf(previous)));
  } catch (cause) {
    throw notAKeyFile(path, cause);
  }
}

function unsealed(path: string, sealed: string, secret: PlatformSecret): Extract<Written, { readonly v: 1 }> {
  if (secret === null)
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected the platform under whose secret ${path} is sealed, got none; run this in the guest of the same application, with the socket of its guest agent`,
    );
  try {
    const written = parsed(decodeUtf8(sealerOf(secret).open(DATA_KEY_FILE, decodeHex(sealed))));
    if (written.v === 1) return written;
    throw new Error('sealed twice');
  } catch (cause) {
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected ${path} to open under this application's secret, got one that does not: another application sealed it, or it was changed; restore it from the application's backup`,
      { cause },
    );
  }
}

function textOf({ key, previous }: Keys, secret: PlatformSecret): string {
  const hex = ({ secret: bytes }: DataKey): string => encodeHex(new Uint8Array(bytes.export()));
  const clear = JSON.stringify({ v: 1, key: hex(key), previous: previous === undefined ? undefined : hex(previous) });
  if (secret === null) return `${clear}\n`;
  const sealed = encodeHex(sealerOf(secret).seal(DATA_KEY_FILE, utf8(clear)));
  return `${JSON.stringify({ v: 2, id: key.id, previous: previous?.id, sealed } satisfies Written)}\n`;
}

function sealerOf(secret: Uint8Array): DataKey {
  return new DataKey(createSecretKey(new Uint8Array(hkdfSync('sha256', secret, '', 'assay data key file/1', 32))));
}

function notAKeyFile(path: string, cause: unknown): LedgerError {
  return new LedgerError(
    'ledger/bad-key-file',
    `${path} is not a data key file; restore it, what was sealed under it cannot be read without it`,
    { cause },
  );
}
