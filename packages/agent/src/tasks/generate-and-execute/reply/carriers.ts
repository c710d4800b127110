/**
 * Programs inside other things: tool calls and JSON, notebooks, YAML, patches, shell commands, HTML. Each reader takes text and gives
 * the programs in it, or none; whether one is taken is for `candidates.ts`.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';
import { CODE_NAMES, type GeneratedLanguage, labelOf } from './language.ts';
import { type Loose, type LooseObject, looseJson } from './loose-json.ts';

export interface Carried {
  readonly code: string;
  /** False when what carries the program was cut off. */
  readonly whole: boolean;
}

/** Places at which JSON may begin in one text. */
const MAX_STARTS = 6;
const MAX_NESTING = 8;
const ARGUMENTS: ReadonlySet<string> = new Set(['arguments', 'parameters', 'args', 'kwargs', 'tool_input', 'input', 'params']);

/** Programs in the members of JSON, the surest first. */
export function programsInJson(text: string, language: GeneratedLanguage): readonly Carried[] {
  let start = jsonStart(text, 0);
  for (let tries = 0; start >= 0 && tries < MAX_STARTS; tries += 1) {
    const { value, end, whole } = looseJson(text, start);
    const found = programsOf(value, language, 0);
    if (found.length > 0) return found.map((code) => ({ code, whole }));
    start = jsonStart(text, Math.max(end, start + 1));
  }
  return [];
}

/** The next `{`, or `[` in front of one or of a string. */
function jsonStart(text: string, from: number): number {
  const brace = text.indexOf('{', from);
  const bracket = text.indexOf('[', from);
  if (bracket < 0 || (brace >= 0 && brace < bracket)) return brace;
  const next = text.slice(bracket + 1, bracket + 40).trimStart()[0] ?? '';
  if ('{["'.includes(next) && next !== '') return bracket;
  return brace;
}

function programsOf(value: Loose, language: GeneratedLanguage, depth: number): readonly string[] {
  if (depth > MAX_NESTING || typeof value !== 'object' || value === null) return [];
  if (isList(value)) return value.flatMap((item) => programsOf(item, language, depth + 1));
  if (isList(value.cells)) return notebook(value.cells);
  const spoken = [value.language, value.lang, value.kernel].find((label) => typeof label === 'string');
  const label = spoken === undefined ? 'neutral' : labelOf(String(spoken));
  if (label !== 'neutral' && label !== language) return [];
  const names = Object.keys(value);
  const sure = CODE_NAMES.filter((name) => names.includes(name));
  const files = names.filter((name) => name.includes('.') && labelOf(name) === language);
  const found = [...sure, ...files].map((name) => textOf(value[name])).filter((text) => text !== null);
  const nested = names.flatMap((name) => inner(name, value, language, depth));
  return [...found, ...nested];
}

function inner(name: string, holder: LooseObject, language: GeneratedLanguage, depth: number): readonly string[] {
  const value = holder[name] ?? null;
  if (typeof value !== 'string') return programsOf(value, language, depth + 1);
  if (!ARGUMENTS.has(name)) return [];
  if (!'{['.includes(value.trimStart()[0] ?? ' ')) return [value];
  return programsOf(looseJson(value).value, language, depth + 1);
}

/** A string, or the lines of one. */
function textOf(value: Loose | undefined): string | null {
  if (typeof value === 'string') return value;
  if (!isList(value) || !value.every((line) => typeof line === 'string')) return null;
  const ended = value.every((line, index) => index === value.length - 1 || line.endsWith('\n'));
  return value.join(ended ? '' : '\n');
}

/** The code cells of a Jupyter notebook (nbformat 4), in order. */
function notebook(cells: readonly Loose[]): readonly string[] {
  const sources = cells.flatMap((cell) => {
    if (typeof cell !== 'object' || cell === null || isList(cell) || cell.cell_type !== 'code') return [];
    return textOf(cell.source) ?? [];
  });
  return sources.length === 0 ? [] : [sources.join('\n')];
}

function isList(value: Loose | undefined): value is readonly Loose[] {
  return Array.isArray(value);
}

/** The block scalar of a YAML member that is called code (YAML 1.2.2 §8.1). */
export function programInYaml(text: string): string | null {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().replace(/^- /, '').replaceAll('"', '').trim().toLowerCase();
    if (colon < 0 || !CODE_NAMES.includes(name) || !/^[|>][+-]?[0-9]?$/.test(line.slice(colon + 1).trim())) continue;
    const depth = indentOf(line);
    const body: string[] = [];
    for (const next of lines.slice(index + 1)) {
      if (next.trim() !== '' && indentOf(next) <= depth) break;
      body.push(next);
    }
    return dedented(body.join('\n'));
  }
  return null;
}

/**
 * A patch: against `previous` when it applies to it, or the new side when the patch makes a whole file.
 * `null` when the rest of the program is not known.
 */
export function programOfPatch(text: string, previous: string | null): string | null {
  const hunks: { readonly before: string[]; readonly after: string[]; readonly first: boolean }[] = [];
  let current: { readonly before: string[]; readonly after: string[]; readonly first: boolean } | null = null;
  for (const line of text.split('\n')) {
    if (/^(?:diff |index |--- |\+\+\+ |new file|\\ No newline)/.test(line)) continue;
    if (line.startsWith('@@')) {
      current = { before: [], after: [], first: /^@@ -[01](?:,[0-9]+)? /.test(line) };
      hunks.push(current);
      continue;
    }
    if (current === null) {
      current = { before: [], after: [], first: true };
      hunks.push(current);
    }
    if (!line.startsWith('+')) current.before.push(line.slice(1));
    if (!line.startsWith('-')) current.after.push(line.slice(1));
  }
  if (previous !== null) {
    let patched: string | null = previous;
    for (const { before, after } of hunks) patched = patched === null ? null : replaced(patched, before, after);
    if (patched !== null) return patched;
  }
  return hunks.length === 1 && hunks[0]?.first === true ? hunks[0].after.join('\n') : null;
}

function replaced(text: string, before: readonly string[], after: readonly string[]): string | null {
  const old = withoutTrailing(before.join('\n'), '\n');
  if (old.trim() === '') return null;
  const at = `\n${text}\n`.indexOf(`\n${old}\n`);
  if (at < 0) return null;
  return `${text.slice(0, at)}${withoutTrailing(after.join('\n'), '\n')}${text.slice(at + old.length)}`;
}

/** The program that a shell block writes or runs: a here-document, or the text behind `-c` or `-e`. */
export function programInShell(text: string, language: GeneratedLanguage): string | null {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const mark = hereMark(line);
    if (mark === null || !namesLanguage(line, language)) continue;
    const end = lines.findIndex((other, at) => at > index && other.trim() === mark);
    if (end > index) return lines.slice(index + 1, end).join('\n');
  }
  return programBehindFlag(text.trim(), language);
}

function hereMark(line: string): string | null {
  const at = line.indexOf('<<');
  if (at < 0) return null;
  const mark = /^<<-?\s*["']?(\w{1,40})["']?/.exec(line.slice(at, at + 60));
  return mark?.[1] ?? null;
}

function namesLanguage(line: string, language: GeneratedLanguage): boolean {
  return line.split(/[\s<>|"']+/).some((word) => labelOf(word.slice(word.lastIndexOf('/') + 1)) === language);
}

function programBehindFlag(command: string, language: GeneratedLanguage): string | null {
  const head = /^(?:\$ )?(python[0-9.]*|node) (?:-c|-e|--eval) (["'])/.exec(command.slice(0, 60));
  if (head === null || labelOf(head[1] ?? '') !== language) return null;
  const quote = head[2] as string;
  const from = head[0].length;
  const end = command.lastIndexOf(quote);
  if (end < from || command.slice(end + 1).trim() !== '') return null;
  const code = command.slice(from, end);
  return quote === '"' ? code.replaceAll('\\"', '"').replaceAll('\\$', '$') : code;
}

/** The inline scripts of a page; JavaScript only. */
export function scriptsOfPage(text: string): string | null {
  const lower = text.toLowerCase();
  const scripts: string[] = [];
  for (let at = lower.indexOf('<script'); at >= 0; at = lower.indexOf('<script', at + 1)) {
    const start = lower.indexOf('>', at);
    const end = lower.indexOf('</script', start);
    if (start < 0 || end < 0) break;
    if (!lower.slice(at, start).includes('src=')) scripts.push(text.slice(start + 1, end));
    at = end;
  }
  return scripts.length === 0 ? null : dedented(scripts.join('\n'));
}

/** Text without the indentation that all of its lines share. */
export function dedented(text: string): string {
  const lines = text.split('\n');
  let least = Number.POSITIVE_INFINITY;
  for (const line of lines) if (line.trim() !== '') least = Math.min(least, indentOf(line));
  if (least === 0 || least === Number.POSITIVE_INFINITY) return text;
  return lines.map((line) => line.slice(Math.min(least, indentOf(line)))).join('\n');
}

function indentOf(line: string): number {
  let at = 0;
  while (line[at] === ' ' || line[at] === '\t') at += 1;
  return at;
}
