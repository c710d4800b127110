/** Programs that stand in a reply without any fence: the whole text, the lines between prose, JSON, or one span of inline code. */

import type { Search } from './candidates.ts';
import { programInYaml, programsInJson } from './carriers.ts';
import { withoutNotebookLines } from './notebook-lines.ts';
import { withoutPrompts, withPlainCharacters } from './repairs.ts';
import type { Syntax } from './syntax.ts';

interface Bare {
  readonly code: string;
  readonly notes: readonly string[];
}

/** Lines of prose that may stand before or behind the program. */
const MAX_PROSE = 40;

/** The program in text without fences. */
export function bareProgram(text: string, { syntax }: Search): Bare | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  for (const { code, whole } of programsInJson(trimmed, syntax.language)) {
    if (whole && isProgram(code, syntax)) return { code, notes: [] };
  }
  const yaml = programInYaml(trimmed);
  if (yaml !== null && isProgram(yaml, syntax)) return { code: yaml.trim(), notes: [] };
  const session = withoutPrompts(trimmed);
  if (session !== null && isProgram(session, syntax)) {
    return { code: session, notes: ['prompts of an interactive session were taken off'] };
  }
  const notebook = withoutNotebookLines(trimmed, syntax.language);
  const between = betweenProse(trimmed, syntax) ?? (notebook === null ? null : betweenProse(notebook, syntax));
  if (between !== null) return { code: between, notes: [] };
  const plain = withPlainCharacters(trimmed, syntax);
  return plain !== null && isProgram(plain, syntax)
    ? { code: plain, notes: ['typographic characters were read as plain ones'] }
    : null;
}

/** The lines that are left when lines of prose at both ends are taken off. */
function betweenProse(text: string, syntax: Syntax): string | null {
  const lines = text.split('\n');
  let first = 0;
  let last = lines.length;
  while (first < Math.min(last, MAX_PROSE) && isProse(lines[first] ?? '')) first += 1;
  while (last > Math.max(first, lines.length - MAX_PROSE) && isProse(lines[last - 1] ?? '')) last -= 1;
  const code = lines.slice(first, last).join('\n').trim();
  return code !== '' && isProgram(code, syntax) ? code : null;
}

/** A blank line, a heading, or a sentence: words, and none of the signs of code. */
function isProse(line: string): boolean {
  const text = line.trim();
  if (text === '') return true;
  if (/^[#*>-]{1,6} [A-Z]/.test(text) && !/[=()]/.test(text)) return true;
  const words = text.split(' ').filter((word) => word !== '');
  const sentence = /^[A-Z"'*]/.test(text) && /[.:!?*]$/.test(text);
  return sentence && words.length >= 2 && !/[=;{}]|\w\(/.test(text);
}

function isProgram(code: string, syntax: Syntax): boolean {
  const checked = syntax.check(code.trim());
  return checked.fits && checked.facts.sure && checked.facts.acts;
}

const REFUSALS = ["can't", 'cannot', 'can not', 'unable', 'sorry', 'will not', "won't", "don't", 'do not', 'instead of'];

/** The one span of inline code in prose that does not refuse, when it prints something. */
export function programInSpan(text: string, syntax: Syntax): string | null {
  const pieces = text.split('`');
  if (pieces.length !== 3 || REFUSALS.some((word) => text.toLowerCase().includes(word))) return null;
  const code = pieces[1] ?? '';
  const prints = syntax.language === 'python' ? code.startsWith('print(') : code.startsWith('console.log(');
  return prints && isProgram(code, syntax) ? code : null;
}
