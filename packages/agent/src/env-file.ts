/**
 * Reads `.env` files strictly: `NAME=value`, optional `export`, `#` comments, single quotes (literal) and double quotes (with
 * `\n \t \" \\` escapes). A line that is none of these is an error, because a setting that is silently skipped is a setting
 * that is silently weaker. No interpolation, no command substitution, no multi-line values.
 */

import { readFileSync } from 'node:fs';
import { ServerError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/**
 * The settings in the text of a `.env` file.
 *
 * @param text - the file's content; a byte order mark and CRLF line ends are accepted.
 * @param name - what to call the file in errors.
 * @throws {ServerError} `config/unreadable`, naming the line number and never its content.
 * @example parseEnvFile('AGENT_PORT=8000 # default\n') // { AGENT_PORT: '8000' }
 */
export function parseEnvFile(text: string, name = '.env'): Record<string, string> {
  const settings: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const setting = line.trim();
    if (setting === '' || setting.startsWith('#')) continue;
    const match = LINE.exec(setting);
    const value = match === null ? null : parseValue((match[2] ?? '').trim());
    if (match === null || value === null) {
      throw new ServerError(
        'config/unreadable',
        `${name} line ${index + 1}: expected NAME=value or a # comment; mend or remove the line`,
      );
    }
    settings[match[1] as string] = value;
  }
  return settings;
}

/** The environment laid over the `.env` file at `path`, if there is one: real environment variables win. */
export function readEnvironment(path: string, environment: Environment): Environment {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return environment;
    throw new ServerError('config/unreadable', `${path} cannot be read; check its permissions`, { cause });
  }
  return { ...parseEnvFile(text, path), ...environment };
}

function parseValue(text: string): string | null {
  const quote = text[0];
  if (quote === "'" || quote === '"') {
    const pattern = quote === "'" ? /^'([^']*)'\s*(?:#.*)?$/ : /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/;
    const inner = pattern.exec(text)?.[1];
    if (inner === undefined) return null;
    return quote === "'" ? inner : inner.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
  }
  const comment = /(?:^|\s)#/.exec(text)?.index ?? text.length;
  return text.slice(0, comment).trim();
}
