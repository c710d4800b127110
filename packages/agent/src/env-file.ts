/** The settings of the agent: the environment, laid over a `.env` file. */

import { readFileSync } from 'node:fs';
import { parseEnvFile } from '@assay/encoding/env-file';
import { ServerError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment laid over the `.env` file at `path`, if there is one: real environment variables win.
 * @throws {ServerError} `config/unreadable`, naming the line number and never its content.
 * @example parseConfig(readEnvironment('.env', process.env))
 */
export function readEnvironment(path: string, environment: Environment): Environment {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A folder of that name, such as a virtual environment of Python, holds no settings.
    if (code === 'ENOENT' || code === 'EISDIR') return environment;
    throw new ServerError('config/unreadable', `${path} cannot be read; check its permissions`, { cause });
  }
  const file = parseEnvFile(text);
  if (file.type === 'settings') return { ...file.settings, ...environment };
  throw new ServerError(
    'config/unreadable',
    `${path} line ${file.line}: expected NAME=value or a # comment; mend or remove the line`,
  );
}
