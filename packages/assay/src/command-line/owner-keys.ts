/** Private keys of owners: from files or `ASSAY_OWNER_KEY`, never from the command line. */

import { resolve } from 'node:path';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { addressOfKey } from '@assay/operator';
import { CliError } from './errors.ts';
import { readSecretFile } from './file-reader.ts';
import type { Io } from './io.ts';

const MAX_KEY_FILE_BYTES = 1024;

/**
 * Keys of 32 bytes, at least one; the caller overwrites them.
 * @throws {CliError} `cli/bad-option`, `cli/file-unreadable`; {OperatorError} `operator/key-malformed` for a number that is no key.
 * @example const keys = await ownerKeys(flags.keyFile ?? [], io);
 */
export async function ownerKeys(keyFiles: readonly string[], io: Io): Promise<readonly Uint8Array[]> {
  const texts = await Promise.all(
    keyFiles.map(async (path) =>
      decodeUtf8(await readSecretFile(resolve(io.cwd, path), { shown: path, most: MAX_KEY_FILE_BYTES })),
    ),
  );
  const { ASSAY_OWNER_KEY: own } = io.env;
  if (texts.length === 0 && own !== undefined && own !== '') texts.push(own);
  if (texts.length === 0)
    throw new CliError('cli/bad-option', "expected an owner's key, got none; give --key-file, or set ASSAY_OWNER_KEY");
  return texts.map(keyIn);
}

function keyIn(text: string): Uint8Array {
  const digits = text.trim().replace(/^0x/i, '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits))
    throw new CliError('cli/bad-option', "expected an owner's key of 64 hex characters, got something else; export it as hex");
  const key = decodeHex(digits);
  addressOfKey(key);
  return key;
}
