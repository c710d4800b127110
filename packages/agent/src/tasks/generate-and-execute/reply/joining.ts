/**
 * Several blocks of one language. Blocks that build on each other, and steps that follow each other, run as one program in their
 * order; a block that says the same again (an alternative, a corrected version, an excerpt) does not run beside the other.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';
import type { Candidate } from './candidates.ts';
import type { Facts } from './facts.ts';
import type { Syntax } from './syntax.ts';

export interface Block {
  readonly candidate: Candidate;
  readonly code: string;
  readonly facts: Facts;
}

/** Blocks that run together. */
interface Group {
  blocks: Block[];
  readonly alternative: boolean;
}

/** Words in front of a block that offer it instead of the previous block. */
const ALTERNATIVE = [
  'alternativ',
  'option',
  'instead',
  'or,',
  'or:',
  'another way',
  'approach',
  'method',
  'variant',
  'you could also',
];
/** Words that take back the previous block. */
const CORRECTION = [
  'correct',
  'fixed',
  'improved',
  'better',
  'final',
  'complete',
  'full',
  'updated',
  'revised',
  'simpler',
  'wait',
];
const TEST_MODULES = ['pytest', 'unittest', 'doctest'];

/** The program of several blocks that are each well formed; `null` when there are none. */
export function joined(all: readonly Block[], syntax: Syntax): { readonly code: string; readonly facts: Facts } | null {
  const blocks = withoutTests(all.filter((block, index) => !isExcerpt(block, index, all)));
  const groups = grouped(blocks);
  const made = groups.map((group) => ({ group, ...programOf(group.blocks, syntax) }));
  const acting = made.filter(({ facts }) => facts.acts);
  const usable = acting.length > 0 ? acting : made;
  const longest = Math.max(0, ...usable.map(({ code }) => code.length));
  const weighty = usable.filter(({ code }) => code.length * 2 >= longest);
  return (weighty.at(-1)?.group.alternative === true ? weighty[0] : weighty.at(-1)) ?? null;
}

function grouped(blocks: readonly Block[]): readonly Group[] {
  const groups: Group[] = [];
  for (const block of blocks) {
    const builtOn = groups.findLast((group) => needs(block, group));
    const last = groups.at(-1);
    if (builtOn !== undefined && !clashes(block, builtOn)) builtOn.blocks.push(block);
    else if (last === undefined) groups.push({ blocks: [block], alternative: false });
    else if (saysAgain(block, last)) groups.push({ blocks: [block], alternative: says(block, ALTERNATIVE) });
    else last.blocks.push(block);
  }
  return groups;
}

/** Whether the block uses what the group defines. */
function needs({ facts }: Block, { blocks }: Group): boolean {
  return blocks.some(({ facts: earlier }) => [...facts.needs].some((name) => earlier.defines.has(name)));
}

/** Whether a script may not hold both: JavaScript lets a name be declared once. */
function clashes({ facts }: Block, { blocks }: Group): boolean {
  return blocks.some(({ facts: earlier }) =>
    [...facts.defines].some((name) => earlier.defines.has(name) && (facts.lexical.has(name) || earlier.lexical.has(name))),
  );
}

function saysAgain(block: Block, group: Group): boolean {
  if (says(block, ALTERNATIVE) || says(block, CORRECTION) || clashes(block, group)) return true;
  return group.blocks.some(({ facts }) => [...facts.routines].some((name) => block.facts.routines.has(name)));
}

function says({ candidate: { lead } }: Block, words: readonly string[]): boolean {
  const text = lead.toLowerCase();
  return words.some((word) => text.includes(word));
}

/** A block whose lines all stand in a row in another one. */
function isExcerpt({ code }: Block, index: number, all: readonly Block[]): boolean {
  const lines = trimmedLines(code);
  return all.some((other, at) => {
    if (at === index || other.code.length < code.length || (other.code.length === code.length && at > index)) return false;
    return `\n${trimmedLines(other.code)}\n`.includes(`\n${lines}\n`);
  });
}

function trimmedLines(code: string): string {
  return code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** Tests of the program and uses of it as a module: left out when the program does something by itself. */
function withoutTests(blocks: readonly Block[]): readonly Block[] {
  const defined = new Set(blocks.flatMap(({ facts }) => [...facts.routines]));
  const others = blocks.filter((block) => siblingImports(block, defined).length === 0);
  const acts = others.some(({ facts }) => facts.acts);
  return blocks.flatMap((block) => {
    const imports = siblingImports(block, defined);
    if (imports.length === 0) return isTest(block) && acts ? [] : [block];
    if (acts || (isTest(block) && others.length > 0 && block.code.includes('pytest'))) return [];
    return [{ ...block, code: blanked(block.code, imports), facts: block.facts }];
  });
}

function isTest({ code, facts, candidate }: Block): boolean {
  if (candidate.lead.toLowerCase().includes('test') && TEST_MODULES.some((name) => code.includes(name))) return true;
  return facts.imports.some(({ from, to }) => TEST_MODULES.some((name) => code.slice(from, to).includes(name)));
}

/** Imports of names that other blocks define: the reply means its own program as a module. */
function siblingImports({ code, facts }: Block, defined: ReadonlySet<string>): Facts['imports'] {
  return facts.imports.filter(({ from, to }) => {
    const text = code.slice(from, to);
    const listed = text.startsWith('from ') ? text.slice(text.indexOf(' import ') + 8) : text.slice(0, text.indexOf(' from '));
    const names = listed.split(/[\s,{}()]+/).filter((name) => name !== '' && name !== 'import');
    return names.length > 0 && names.every((name) => defined.has(name));
  });
}

function blanked(code: string, ranges: Facts['imports']): string {
  let text = '';
  let at = 0;
  for (const { from, to } of ranges) {
    text += code.slice(at, from) + code.slice(from, to).replace(/[^\n]/g, ' ');
    at = to;
  }
  return text + code.slice(at);
}

/** A group as one program; its last block alone when the whole does not fit together. */
function programOf(blocks: readonly Block[], syntax: Syntax): { readonly code: string; readonly facts: Facts } {
  const code = blocks.map((block) => withoutTrailing(block.code, '\n')).join('\n\n');
  const checked = syntax.check(code);
  const last = blocks.at(-1) as Block;
  return checked.fits ? { code, facts: checked.facts } : { code: last.code, facts: last.facts };
}
