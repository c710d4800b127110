/**
 * Whether a text is a program of the wanted language, by a real grammar (Lezer's, an LR parser that is linear in the text), and
 * what the text defines, needs and does. Strict: the parser stops at the first place that fits no rule.
 *
 * The sandbox has the last word. This check only chooses between readings of a reply; it never refuses the only one there is.
 */

import type { Tree } from '@lezer/common';
import { parser as javascriptParser } from '@lezer/javascript';
import type { LRParser } from '@lezer/lr';
import { parser as pythonParser } from '@lezer/python';
import { type Facts, factsOf } from './facts.ts';
import type { GeneratedLanguage } from './language.ts';

export type Checked =
  | { readonly fits: true; readonly facts: Facts; readonly tree: Tree }
  /** `left`: characters from the first misfit to the end; fewer means that more was understood. */
  | { readonly fits: false; readonly left: number };

const PARSERS: Readonly<Record<GeneratedLanguage, LRParser>> = {
  python: pythonParser.configure({ strict: true }),
  javascript: javascriptParser.configure({ strict: true }),
};

/** Characters that one reply may cost in parsing: about half a second. */
const MAX_WORK = 512 * 1024;

/** The grammar of one language, with the work it may still do on one reply. */
export class Syntax {
  readonly language: GeneratedLanguage;
  /** Characters parsed so far. */
  work = 0;
  readonly #known = new Map<string, Checked>();

  constructor(language: GeneratedLanguage) {
    this.language = language;
  }

  /** Checks a text; when the work is used up, no further text fits. */
  check(code: string): Checked {
    const known = this.#known.get(code);
    if (known !== undefined) return known;
    const result = this.#parse(code);
    this.#known.set(code, result);
    return result;
  }

  fits(code: string): boolean {
    return this.check(code).fits;
  }

  #parse(code: string): Checked {
    if (this.work + code.length > MAX_WORK) return { fits: false, left: code.length };
    let tree: Tree;
    try {
      tree = PARSERS[this.language].parse(code);
    } catch (error) {
      const at = misfitOf(error);
      this.work += at;
      return { fits: false, left: code.length - at };
    }
    this.work += code.length;
    const odd = firstOddity(tree, code, this.language);
    if (odd !== null) return { fits: false, left: code.length - odd };
    return { fits: true, facts: factsOf(tree, code, this.language), tree };
  }
}

/** Lezer says `No parse at 12`. */
function misfitOf(error: unknown): number {
  if (!(error instanceof SyntaxError)) throw error;
  return Number(error.message.slice(error.message.lastIndexOf(' ') + 1)) || 0;
}

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const NAMES: ReadonlySet<string> = new Set(['VariableName', 'VariableDefinition', 'PropertyName', 'PropertyDefinition']);
const QUOTES = '"\'';

/** Lezer is laxer than the languages in two ways: any character beyond ASCII is a letter, and a line's end closes a string. */
function firstOddity(tree: Tree, code: string, language: GeneratedLanguage): number | null {
  let odd: number | null = null;
  tree.iterate({
    enter: ({ name, from, to }) => {
      if (odd !== null) return false;
      if (NAMES.has(name) && !NAME.test(code.slice(from, to))) odd = from;
      if (name === 'String' || name === 'FormatString') {
        const last = code[to - 1] ?? '';
        const first = firstQuote(code, from, to);
        if (first < 0 || to - first < 2 || last !== code[first]) odd = from;
      }
      return !(language === 'javascript' && name === 'JSXElement');
    },
  });
  return odd;
}

function firstQuote(code: string, from: number, to: number): number {
  for (let at = from; at < Math.min(to, from + 4); at += 1) if (QUOTES.includes(code[at] as string)) return at;
  return -1;
}
