/**
 * Acorn with lists of declared names that are looked up in constant time. Its own lists are searched from the start for every
 * name, so that a program of 90,000 names took eleven seconds.
 */

import type { Program } from 'acorn';

/** What this lane uses of acorn, which the guest loads by its path. */
export interface Acorn {
  readonly Parser: unknown;
}

interface Scope {
  var: NameList;
  lexical: NameList;
  functions: NameList;
}

interface ParserInstance {
  readonly scopeStack: Scope[];
  enterScope(flags: number): void;
  parse(): Program;
}
type ParserClass = new (options: object, code: string, at?: number) => ParserInstance;

/** The two members of an array that acorn uses of a list of names, and its first entry. */
class NameList {
  readonly #names = new Set<string>();
  0: string | undefined;

  push(name: string): void {
    if (this.#names.size === 0) this[0] = name;
    this.#names.add(name);
  }

  indexOf(name: string): number {
    return this.#names.has(name) ? 0 : -1;
  }
}

const OPTIONS = {
  ecmaVersion: 'latest',
  sourceType: 'script',
  locations: true,
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowHashBang: true,
};

let known: { readonly acorn: Acorn; readonly parser: ParserClass } | null = null;

/** Parses a program as a Node script that may also import, export and await. Throws acorn's `SyntaxError`, or a `RangeError`. */
export function parseProgram(acorn: Acorn, code: string): Program {
  if (known?.acorn !== acorn) known = { acorn, parser: linearParser(acorn.Parser as ParserClass) };
  const Parser = known.parser;
  return new Parser(OPTIONS, code).parse();
}

function linearParser(Parser: ParserClass): ParserClass {
  return class extends Parser {
    override enterScope(flags: number): void {
      super.enterScope(flags);
      const scope = this.scopeStack.at(-1);
      if (scope !== undefined)
        Object.assign(scope, { var: new NameList(), lexical: new NameList(), functions: new NameList() });
    }
  };
}
