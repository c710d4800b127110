/**
 * The file of the data key, `data-key.json`. Where the platform gives the application a secret (dstack), a new file is sealed under it: on the disk,
 * in copies and in backups it opens nothing, and what it says in clear is bound to the seal. Elsewhere the key stands in clear, as safe as the disk.
 *
 * An agent that has a secret does not take a key that stands in clear: that key was on the disk, and who can write there may have put it there. Rotating
 * it makes a fresh key under the secret.
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

/** What the platform gives to the application, on every machine. */
export interface PlatformSecret {
  /** 32 secret bytes. */
  readonly bytes: Uint8Array;
  /** A simulator gave them: others know them, too. */
  readonly simulated: boolean;
}

/** What a key file says to everyone who can read it. */
export interface DataKeyNames {
  /** Names the key without telling it. */
  readonly id: string;
  /** Of the key that a rotation replaces; `null` when none is under way. */
  readonly previous: string | null;
  /** Who gave the secret under which the file is sealed; `null` for a file in clear. */
  readonly sealed: 'platform' | 'simulator' | null;
}

interface Keys {
  readonly key: DataKey;
  /** While not everything is sealed under `key`. */
  readonly previous?: DataKey | undefined;
}

interface Clear {
  readonly v: 1;
  readonly key: string;
  readonly previous?: string | undefined;
}

/** What stands in clear on a sealed file, and is bound to its seal. */
interface Label {
  readonly id: string;
  readonly previous?: string | undefined;
  readonly by: 'platform' | 'simulator';
}

/** `sealed`: the text of the first form, sealed. */
type Written = Clear | (Label & { readonly v: 2; readonly sealed: string });

/**
 * The key of a data directory, made there on the first start. With a secret, a file in clear is refused.
 * @throws {LedgerError} `ledger/bad-key-file`.
 * @example const key = openDataKey('.assay')
 */
export function openDataKey(directory: string, secret: PlatformSecret | null = null): DataKey {
  for (;;) {
    const found = readFile(directory);
    if (found?.written.v === 1 && secret !== null)
      throw new LedgerError(
        'ledger/bad-key-file',
        `expected ${found.path} sealed under this application's secret, got a key in clear, which others may know; run assay store rotate-key in this guest, or delete the file if no agent ever ran on this directory`,
      );
    if (found !== null) return keyIn(found, secret);
    const key = new DataKey(createSecretKey(randomBytes(32)));
    createKeyFile(join(directory, DATA_KEY_FILE), textOf({ key }, secret));
  }
}

/**
 * The key that is in `directory`; none is made.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function readDataKey(directory: string, secret: PlatformSecret | null = null): DataKey {
  return keyIn(existingFile(directory), secret);
}

/**
 * What the key file of `directory` says without any secret.
 * @throws {LedgerError} `ledger/bad-key-file`.
 */
export function dataKeyNames(directory: string): DataKeyNames {
  const found = existingFile(directory);
  if (found.written.v === 2) {
    const { id, previous = null, by } = found.written;
    return { id, previous, sealed: by };
  }
  const { id, previous } = keyIn(found, null);
  return { id, previous: previous?.id ?? null, sealed: null };
}

/** Puts keys in the place of those that are in `directory`, whole or not at all. */
export function writeDataKey(directory: string, keys: Keys, secret: PlatformSecret | null = null): void {
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
  const { v, id, key, sealed, previous, by } = written;
  const named = previous === undefined || typeof previous === 'string';
  if (v === 1 && typeof key === 'string' && named) return { v, key, previous };
  if (v === 2 && typeof id === 'string' && typeof sealed === 'string' && named && (by === 'platform' || by === 'simulator'))
    return { v, id, sealed, previous, by };
  throw new Error('another form');
}

function keyIn({ path, written }: FoundFile, secret: PlatformSecret | null): DataKey {
  const clear = written.v === 1 ? written : unsealed(path, written, secret);
  const keyOf = (hex: string): KeyObject => createSecretKey(decodeHex(hex, { bytes: 32 }));
  try {
    const { key, previous } = clear;
    const opened = new DataKey(keyOf(key), previous === undefined ? null : new DataKey(keyOf(previous)));
    if (written.v === 2 && (written.id !== opened.id || written.previous !== opened.previous?.id))
      throw new Error('the keys in it have other ids');
    return opened;
  } catch (cause) {
    throw notAKeyFile(path, cause);
  }
}

function unsealed(path: string, written: Extract<Written, Label>, secret: PlatformSecret | null): Clear {
  if (secret === null)
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected the platform under whose secret ${path} is sealed, got none; run this in the guest of the same application, with the socket of its guest agent`,
    );
  try {
    const clear = parsed(decodeUtf8(sealerOf(secret).open(placeOf(written), decodeHex(written.sealed))));
    if (clear.v === 1) return clear;
    throw new Error('sealed twice');
  } catch (cause) {
    throw new LedgerError(
      'ledger/bad-key-file',
      `expected ${path} to open under this application's secret, got one that does not: another application sealed it, or it was changed; restore it from the application's backup`,
      { cause },
    );
  }
}

function textOf({ key, previous }: Keys, secret: PlatformSecret | null): string {
  const hex = ({ secret: bytes }: DataKey): string => encodeHex(new Uint8Array(bytes.export()));
  const clear = JSON.stringify({ v: 1, key: hex(key), previous: previous === undefined ? undefined : hex(previous) });
  if (secret === null) return `${clear}\n`;
  const label: Label = { id: key.id, previous: previous?.id, by: secret.simulated ? 'simulator' : 'platform' };
  const sealed = encodeHex(sealerOf(secret).seal(placeOf(label), utf8(clear)));
  return `${JSON.stringify({ v: 2, ...label, sealed } satisfies Written)}\n`;
}

function placeOf({ id, previous, by }: Label): string {
  return JSON.stringify([DATA_KEY_FILE, id, previous ?? null, by]);
}

function sealerOf({ bytes }: PlatformSecret): DataKey {
  return new DataKey(createSecretKey(new Uint8Array(hkdfSync('sha256', bytes, '', 'assay data key file/1', 32))));
}

function notAKeyFile(path: string, cause: unknown): LedgerError {
  return new LedgerError(
    'ledger/bad-key-file',
    `${path} is not a data key file; restore it, what was sealed under it cannot be read without it`,
    { cause },
  );
}
