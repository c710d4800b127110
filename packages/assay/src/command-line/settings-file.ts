/**
 * The settings of a command, with the precedence of the agent: the environment, laid over the `.env` file of the working directory. It is
 * loaded in one place, before every command.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { parseEnvFile } from '@assay/encoding/env-file';
import { CliError } from './errors.ts';
import { readRegularFile } from './file-reader.ts';
import type { Io } from './io.ts';

const MAX_BYTES = 1024 * 1024;

/** A key goes to the address that was named together with it. */
const KEYS_OF_ADDRESSES = [
  ['ASSAY_URL', ['ASSAY_API_KEY', 'ASSAY_OPERATOR_KEY']],
  ['REDPILL_API_URL', ['REDPILL_API_KEY']],
] as const;

/**
 * The environment of `io` laid over `.env` in its working directory. A key of the environment is left out when only the file names the
 * address that it would go to: a folder from elsewhere must not choose who gets the key.
 *
 * @throws {CliError} `cli/file-unreadable`, naming the line number and never its content; `cli/input-too-large`.
 * @example const env = await settingsOf(io)
 */
export async function settingsOf(io: Io): Promise<Io['env']> {
  const file = await fileSettings(io);
  const settings: Record<string, string | undefined> = { ...file, ...io.env };
  for (const [address, keys] of KEYS_OF_ADDRESSES) {
    if (!file[address] || io.env[address] !== undefined) continue;
    for (const key of keys.filter((name) => io.env[name])) {
      settings[key] = file[key];
      io.stderr(`note: ${key} of the environment is not used with ${address} of .env; set both in one place\n`);
    }
  }
  return settings;
}

async function fileSettings(io: Io): Promise<Readonly<Record<string, string>>> {
  const path = join(io.cwd, '.env');
  const found = await stat(path).catch(() => null);
  // A folder of that name, such as a virtual environment of Python, holds no settings.
  if (found === null || found.isDirectory()) return {};
  const file = parseEnvFile(decodeUtf8(await readRegularFile(path, { shown: '.env', most: MAX_BYTES })));
  if (file.type === 'settings') return file.settings;
  throw new CliError(
    'cli/file-unreadable',
    `.env line ${file.line}: expected NAME=value or a # comment; mend or remove the line`,
  );
}
