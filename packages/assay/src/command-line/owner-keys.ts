/** Private keys of owners: from files or `ASSAY_OWNER_KEY`, never from the command line. */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { readFileOf } from './subject.ts';

const MAX_KEY_FILE_BYTES = 1024;

/** Keys of 32 bytes, at least one; the caller overwrites them. @throws {CliError} `cli/bad-option`, `cli/file-unreadable`. */
export async function ownerKeys(keyFiles: readonly string[], io: Io): Promise<readonly Uint8Array[]> {
  const texts = await Promise.all(keyFiles.map(async (path) => decodeUtf8(await readFileOf(io, path, MAX_KEY_FILE_BYTES))));
  const { ASSAY_OWNER_KEY: own } = io.env;
  if (texts.length === 0 && own !== undefined && own !== '') texts.push(own);
  if (texts.length === 0)
    throw new CliError('cli/bad-option', "an owner's key is needed: give --key-file, or set ASSAY_OWNER_KEY");
  return texts.map((text) => {
    const digits = text.trim().replace(/^0x/i, '').toLowerCase();
    if (/^[0-9a-f]{64}$/.test(digits)) return decodeHex(digits);
    throw new CliError('cli/bad-option', "expected an owner's key of 64 hex characters, got something else; export it as hex");
  });
}
