/**
 * Reads the text of `.env` files strictly: `NAME=value`, optional `export`, `#` comments, single quotes (literal) and double quotes (with
 * `\n \t \" \\` escapes). A line that is none of these is refused, because a setting that is silently skipped is a setting
 * that is silently weaker. No interpolation, no command substitution, no multi-line values.
 */

export type EnvFile =
  | { readonly type: 'settings'; readonly settings: Readonly<Record<string, string>> }
  /** Counted from 1. */
  | { readonly type: 'bad-line'; readonly line: number };

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/**
 * The settings in the text of a `.env` file, or the first line that is none.
 *
 * @param text - the file's content; a byte order mark and CRLF line ends are accepted.
 * @example parseEnvFile('AGENT_PORT=8000 # default\n') // { type: 'settings', settings: { AGENT_PORT: '8000' } }
 */
export function parseEnvFile(text: string): EnvFile {
  const settings: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const setting = line.trim();
    if (setting === '' || setting.startsWith('#')) continue;
    const [, name, rest = ''] = LINE.exec(setting) ?? [];
    const value = parseValue(rest.trim());
    if (name === undefined || value === null) return { type: 'bad-line', line: index + 1 };
    settings[name] = value;
  }
  return { type: 'settings', settings };
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
