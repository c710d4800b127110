/**
 * From the parts of a reply to candidates for the program: what each part carries, and how surely it is meant as the program.
 * Fences and elements named after the language come first, then tool calls, unnamed fences, other carriers, and bare text last.
 */

import { programInShell, programInYaml, programOfPatch, programsInJson, scriptsOfPage } from './carriers.ts';
import { type Part, readDocument } from './document.ts';
import { labelOf } from './language.ts';
import type { Syntax } from './syntax.ts';

export type Origin = 'own' | 'call' | 'unnamed' | 'carried' | 'bare' | 'span';

export interface Candidate {
  readonly origin: Origin;
  readonly code: string;
  /** False when the reply ended inside it. */
  readonly closed: boolean;
  /** What the reply calls it, with the words in front of it: file names, `Alternatively:`. */
  readonly label: string;
  readonly lead: string;
  /** Inside an element that says it is the answer. */
  readonly final: boolean;
}

export interface Search {
  readonly syntax: Syntax;
  /** The program of the attempt before, for patches. */
  readonly previous: string | null;
  readonly loose: boolean;
}

const FINAL = ['answer', 'final', 'solution', 'response', 'artifact', 'antartifact', 'implementation', 'boltartifact'];
const MAX_NESTING = 4;

export interface Found {
  readonly candidates: readonly Candidate[];
  /** What the reply holds instead, for the reason when there is no program. */
  readonly others: readonly string[];
  readonly thoughts: boolean;
}

/** Every candidate in `text`, in the order of the reply. */
export function candidatesOf(text: string, search: Search): Found {
  const found: Candidate[] = [];
  const others: string[] = [];
  const thoughts = gather(text, search, { found, others, final: false, depth: 0 });
  return { candidates: found, others, thoughts };
}

interface Gathering {
  readonly found: Candidate[];
  readonly others: string[];
  readonly final: boolean;
  readonly depth: number;
}

function gather(text: string, search: Search, into: Gathering): boolean {
  const { parts, thoughts } = readDocument(text, search.syntax, search.loose);
  let lead = '';
  for (const part of parts) {
    take(part, lead, search, into);
    lead = part.kind === 'words' ? lastLine(part.text) : '';
  }
  return thoughts;
}

function take(part: Part, lead: string, search: Search, into: Gathering): void {
  const { closed, label } = part;
  const base = { closed, label, lead, final: into.final };
  switch (part.kind) {
    case 'words':
      into.found.push({ ...base, origin: 'bare', code: part.text });
      break;
    case 'block':
      fenced(part, base, search, into);
      break;
    case 'call':
      called(part, base, search, into);
      break;
    case 'code': {
      const said = labelOf(label);
      if (said !== search.syntax.language && said !== 'neutral' && said !== 'other') into.others.push(said);
      else within(part, { ...base, origin: 'own', code: part.text }, search, into);
      break;
    }
    case 'wrapper': {
      const final = into.final || FINAL.some((name) => label.startsWith(name));
      const own = labelOf(label.replace(/^\w+/, '')) === search.syntax.language ? 'own' : 'unnamed';
      within(part, { ...base, origin: own, code: part.text, final }, search, { ...into, final });
    }
  }
}

function fenced(part: Part, base: Omit<Candidate, 'origin' | 'code'>, search: Search, into: Gathering): void {
  const { language } = search.syntax;
  const said = labelOf(part.label);
  if (said === language) into.found.push({ ...base, origin: 'own', code: part.text });
  else if (said === 'neutral' || said === 'other') {
    if (said === 'neutral') into.found.push({ ...base, origin: 'unnamed', code: part.text });
    const carried = carriedBy(part, search);
    const marked = into.depth < MAX_NESTING && ['xml', 'html', 'markdown', 'md'].includes(part.label.toLowerCase());
    if (carried.length > 0) for (const code of carried) nested(code, { ...base, origin: 'carried', code }, search, into);
    else if (marked) gather(part.text, search, { ...into, depth: into.depth + 1 });
    if (said === 'other') into.others.push(part.label.split(' ')[0] ?? '');
  } else into.others.push(said);
}

/** Programs inside a fence of another kind. What kind it is decides its content more than its label. */
function carriedBy({ text, label }: Part, { syntax, previous }: Search): readonly string[] {
  const name = label.toLowerCase().split(/[\s{},:]/)[0] ?? '';
  if (name === 'diff' || name === 'patch') return [programOfPatch(text, previous)].filter((code) => code !== null);
  const html = name === 'html' || name === 'vue' || name === 'svelte';
  if (html && syntax.language === 'javascript') return [scriptsOfPage(text)].filter((code) => code !== null);
  if (name === 'yaml' || name === 'yml') return [programInYaml(text)].filter((code) => code !== null);
  if (['bash', 'sh', 'shell', 'zsh', 'console', 'terminal', 'shellsession', 'powershell'].includes(name))
    return [programInShell(text, syntax.language)].filter((code) => code !== null);
  if (!'{['.includes(text.trimStart()[0] ?? ' ')) return [];
  return programsInJson(text, syntax.language)
    .filter(({ whole }) => whole)
    .map(({ code }) => code);
}

function called(part: Part, base: Omit<Candidate, 'origin' | 'code'>, search: Search, into: Gathering): void {
  const programs = programsInJson(part.text, search.syntax.language);
  if (programs.length > 0) {
    for (const { code, whole } of programs) nested(code, { ...base, origin: 'call', code, closed: whole }, search, into);
    return;
  }
  within(part, { ...base, origin: 'call', code: part.text.replace(/^\s*\w+[\s:]*\n/, '') }, search, into);
}

/** The parts inside `part`, or the whole of it when it has none of its own. */
function within(part: Part, whole: Candidate, search: Search, into: Gathering): void {
  const before = into.found.length;
  if (into.depth < MAX_NESTING && !search.syntax.fits(whole.code.trim()))
    gather(part.text, search, { ...into, final: whole.final, depth: into.depth + 1 });
  const inner = into.found.slice(before);
  if (inner.some(({ origin }) => origin !== 'bare')) {
    into.found.splice(before, inner.length, ...inner.filter(({ origin }) => origin !== 'bare'));
    return;
  }
  into.found.splice(before);
  into.found.push(whole);
}

/** A string that may hold fences itself. */
function nested(code: string, whole: Candidate, search: Search, into: Gathering): void {
  if (into.depth < MAX_NESTING && code.includes('```') && !search.syntax.fits(code))
    gather(code, search, { ...into, depth: into.depth + 1 });
  else into.found.push(whole);
}

function lastLine(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1).slice(-200);
}
