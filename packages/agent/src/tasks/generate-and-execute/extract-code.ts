/**
 * Finds the program in a model's reply. Models wrap code in every way there is; `reply/` reads a reply as a small language: marks and
 * fences → parts → candidates → the candidate, or the blocks together, that is a program of the wanted language.
 *
 * What is returned is a part of the reply, apart from line ends, the fence's own indentation and the repairs named in `notes`. Time
 * is linear in the reply, and the parser's work on one reply is bounded (`reply/syntax.ts`).
 */

import { bareProgram, programInSpan } from './reply/bare-text.ts';
import { type Candidate, candidatesOf, type Origin, type Search } from './reply/candidates.ts';
import { dedented } from './reply/carriers.ts';
import { type Block, joined } from './reply/joining.ts';
import { type GeneratedLanguage, isBareLabel } from './reply/language.ts';
import { answerPart } from './reply/plain-thoughts.ts';
import { plainLineEnds, REPAIRS, withLineEnds, withoutEndMarks, withoutPrompts, withPlainCharacters } from './reply/repairs.ts';
import { type Checked, Syntax } from './reply/syntax.ts';

export type Extraction =
  | {
      readonly found: true;
      readonly code: string;
      /** What was changed in the program, for people. */
      readonly notes: readonly string[];
      /** Whether the part of the reply that holds the program has its end. */
      readonly closed: boolean;
    }
  /** `reason` is for the model's next attempt and for people. */
  | { readonly found: false; readonly reason: string };

export interface ExtractionOptions {
  /** The program of the attempt before, which a patch in the reply may change. */
  readonly previous?: string | null | undefined;
}

/** Longest program taken, characters. */
const MAX_CODE_LENGTH = 256 * 1024;

/**
 * The program for `language` in `reply`.
 *
 * @example extractCode('Sure!\n```python\nprint(1)\n```', 'python') // { found: true, code: 'print(1)', notes: [], closed: true }
 */
export function extractCode(reply: string, language: GeneratedLanguage, options: ExtractionOptions = {}): Extraction {
  const syntax = new Syntax(language);
  const text = reply.replaceAll('\r\n', '\n').replace(/^\ufeff/, '');
  if (text.trim() === '') return { found: false, reason: 'the reply was empty' };
  const whole = text.trim();
  if (whole[0] !== '`' && isWholeProgram(syntax.check(whole))) return taken({ code: whole, notes: [], closed: true });
  const previous = options.previous ?? null;
  let first: Outcome | null = null;
  for (const reading of readingsOf(answerPart(text))) {
    const outcome = read(reading.text, { syntax, previous, loose: reading.loose });
    if (outcome.kind === 'program' && outcome.fits) return taken(outcome);
    if (first === null || (first.kind === 'none' && outcome.kind === 'program')) first = outcome;
  }
  if (first === null || first.kind === 'none') return { found: false, reason: first?.reason ?? 'the reply was empty' };
  return taken(first);
}

interface Program {
  readonly code: string;
  readonly notes: readonly string[];
  readonly closed: boolean;
}

type Outcome =
  | (Program & { readonly kind: 'program'; readonly fits: boolean })
  | { readonly kind: 'none'; readonly reason: string };

/** The reply as it is; then as text whose line ends or fences are written in rarer ways. */
function* readingsOf(text: string): Generator<{ readonly text: string; readonly loose: boolean }> {
  yield { text, loose: false };
  yield { text: plainLineEnds(text) ?? text, loose: true };
  const unescaped = text.includes('\n') ? null : withLineEnds(text);
  if (unescaped !== null) yield { text: unescaped, loose: true };
}

function read(text: string, search: Search): Outcome {
  const { syntax } = search;
  const found = candidatesOf(text, search);
  const finals = found.candidates.filter(({ final, origin }) => final && origin !== 'bare');
  const candidates = finals.length > 0 ? finals : found.candidates;
  const of = (origin: Origin): readonly Candidate[] => candidates.filter((candidate) => candidate.origin === origin);
  const own = chosen(of('own'), of('unnamed'), syntax);
  if (own !== null) return own;
  const calls = firstProgram(of('call'), syntax) ?? firstProgram(of('unnamed'), syntax) ?? firstProgram(of('carried'), syntax);
  if (calls !== null) return calls;
  const bare = of('bare').map(({ code }) => code);
  const program = found.others.length > 0 ? null : bareProgram(bare.join('\n'), search);
  if (program !== null) return { kind: 'program', fits: true, closed: true, ...program };
  const opaque = of('call')[0];
  if (opaque !== undefined && opaque.code.trim() !== '') {
    return { kind: 'none', reason: `the reply called a tool, but not with a ${syntax.language} program; no tools are offered` };
  }
  if (found.others.length > 0)
    return { kind: 'none', reason: `the reply holds ${found.others.join(', ')} but no ${syntax.language} program` };
  const span = programInSpan(bare.join('\n'), syntax);
  if (span !== null) return { kind: 'program', fits: true, code: span, notes: [], closed: true };
  if (found.candidates.every(({ code }) => code.trim() === '')) {
    if (of('unnamed').length > 0) return { kind: 'none', reason: 'the code block was empty' };
    return { kind: 'none', reason: found.thoughts ? 'the reply was empty behind its thoughts' : 'the reply was empty' };
  }
  return { kind: 'none', reason: 'the reply was prose without a code block' };
}

/** The program of the blocks named after the language. */
function chosen(own: readonly Candidate[], unnamed: readonly Candidate[], syntax: Syntax): Outcome | null {
  const filled = own.filter(({ code }) => code.trim() !== '');
  if (own.length === 0) return null;
  if (filled.length === 0) return { kind: 'none', reason: 'the code block was empty' };
  const settled = filled.map((candidate) => settle(candidate, syntax));
  const notes = [...new Set(settled.flatMap((one) => one.notes))];
  const blocks = settled.flatMap(asBlock);
  if (blocks.length === 0) return { kind: 'program', fits: false, ...longest(settled) };
  const program = joined(blocks, syntax) ?? (blocks[0] as Block);
  const closed = settled.every((one) => one.closed || !one.checked.fits);
  if (program.facts.acts || program.facts.routines.size === 0)
    return { kind: 'program', fits: true, code: program.code, notes, closed };
  const uses = unnamed.map((candidate) => settle(candidate, syntax)).flatMap(asBlock);
  const used = uses.find(({ facts }) => facts.acts && [...facts.needs].some((name) => program.facts.defines.has(name)));
  if (used !== undefined) {
    const code = `${program.code}\n\n${used.code}`;
    if (syntax.fits(code)) return { kind: 'program', fits: true, code, notes, closed };
  }
  const names = [...program.facts.routines].slice(0, 3).join(', ');
  return { kind: 'none', reason: `the program only defines ${names} and calls nothing; call it and print the result` };
}

function firstProgram(candidates: readonly Candidate[], syntax: Syntax): Outcome | null {
  for (const candidate of candidates) {
    const { checked, code, notes, closed } = settle(candidate, syntax);
    if (checked.fits && checked.facts.sure && (closed || candidate.origin !== 'call'))
      return { kind: 'program', fits: true, code, notes, closed };
  }
  return null;
}

interface Settled extends Program {
  readonly candidate: Candidate;
  readonly checked: Checked;
}

/** A candidate as a program: as it stands, or with the repairs that it needs. */
function settle(candidate: Candidate, syntax: Syntax): Settled {
  let code = trimmed(candidate.code);
  const notes: string[] = [];
  const firstLine = code.slice(0, Math.max(0, code.indexOf('\n')));
  if (isBareLabel(firstLine)) code = trimmed(code.slice(firstLine.length + 1));
  const prompts = code.startsWith('In [') ? withoutPrompts(code) : null;
  if (prompts !== null) code = prompts;
  let checked = syntax.check(code);
  const settled = (): Settled => ({ candidate, code, notes, closed: candidate.closed, checked });
  if (checked.fits && !hasEntityNames(checked, code)) return settled();
  for (let pass = 0; pass < 2; pass += 1) {
    const ended = withoutEndMarks(code, syntax);
    if (ended !== null) {
      code = ended;
      checked = syntax.check(code);
      return { ...settled(), closed: true };
    }
    const before = code;
    for (const { note, mend } of [...REPAIRS, PLAIN_CHARACTERS(syntax)]) {
      const mended = mend(code, syntax.language);
      if (mended === null || mended === code) continue;
      const now = syntax.check(trimmed(mended));
      const further = !now.fits && !checked.fits && now.left < checked.left;
      if (!now.fits && !further) continue;
      code = trimmed(mended);
      checked = now;
      notes.push(note);
      if (now.fits) return settled();
    }
    if (code === before) break;
  }
  return { ...settled(), code: trimmed(candidate.code), notes: [] };
}

const PLAIN_CHARACTERS = (syntax: Syntax): (typeof REPAIRS)[number] => ({
  note: 'typographic characters were read as plain ones',
  mend: (code) => withPlainCharacters(code, syntax),
});

/** `a &lt; b` is a program of its own in both languages, with a variable called `lt`. */
function hasEntityNames(checked: Checked, code: string): boolean {
  if (!checked.fits || !code.includes('&')) return false;
  return ['lt', 'gt', 'amp', 'quot'].some((name) => checked.facts.needs.has(name) && code.includes(`&${name};`));
}

function isWholeProgram(checked: Checked): boolean {
  return checked.fits && checked.facts.sure && checked.facts.acts;
}

function asBlock({ candidate, code, checked }: Settled): readonly Block[] {
  return checked.fits ? [{ candidate, code, facts: checked.facts }] : [];
}

function longest(all: readonly Settled[]): Program {
  return all.reduce((best, one) => (one.code.length > best.code.length ? one : best));
}

/** Without blank lines around it, and without a byte order mark, which Python drops from files as well. */
function trimmed(code: string): string {
  const text = code.startsWith('\ufeff') ? code.slice(1) : code;
  let start = 0;
  for (let at = 0; at < text.length && ' \t\n'.includes(text[at] as string); at += 1) if (text[at] === '\n') start = at + 1;
  const body = text.slice(start).trimEnd();
  return body.startsWith(' ') || body.startsWith('\t') ? dedented(body) : body;
}

function taken({ code, notes, closed }: Program): Extraction {
  if (code.length > MAX_CODE_LENGTH)
    return { found: false, reason: `the program is longer than ${MAX_CODE_LENGTH} characters` };
  return { found: true, code, notes, closed };
}
