/** The title of a task: one line that tells it from others in a list. */

const MAX_LENGTH = 100;
/** Members of a request that say what it is about, the most telling first. */
const MEMBERS = ['title', 'description', 'command', 'code', 'path'] as const;

/**
 * The first line with words of what the request says it is about, at most 100 characters; the type when it says nothing.
 * @example titleOf({ type: 'execute', code: '# Primes\nprint(2)' }) // 'Primes'
 */
export function titleOf(data: Readonly<Record<string, unknown>>): string {
  for (const name of MEMBERS) {
    const value = data[name];
    const line = typeof value === 'string' ? firstLine(value) : '';
    if (line !== '') return line;
  }
  return typeof data.type === 'string' ? data.type : 'task';
}

function firstLine(text: string): string {
  for (const line of text.slice(0, 8192).split(/[\r\n]+/)) {
    const words = line
      .replace(/^\s*(?:#+!?|\/\/+|\/\*+)/, '')
      .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
      .trim();
    if (words !== '') return words.length <= MAX_LENGTH ? words : `${words.slice(0, MAX_LENGTH - 1).trimEnd()}…`;
  }
  return '';
}
