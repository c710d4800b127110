/**
 * Acorn with lists of declared names that are looked up in constant time. Its own lists are searched from the start for every
 * name, so that a program of 90,000 names took eleven seconds.
 */
/** The two members of an array that acorn uses of a list of names, and its first entry. */
class NameList {
  #names = new Set();
  0;
  push(name) {
    if (this.#names.size === 0) this[0] = name;
    this.#names.add(name);
  }
  indexOf(name) {
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
let known = null;
/** Parses a program as a Node script that may also import, export and await. Throws acorn's `SyntaxError`, or a `RangeError`. */
export function parseProgram(acorn, code) {
  if (known?.acorn !== acorn) known = { acorn, parser: linearParser(acorn.Parser) };
  const Parser = known.parser;
  return new Parser(OPTIONS, code).parse();
}
function linearParser(Parser) {
  return class extends Parser {
    enterScope(flags) {
      super.enterScope(flags);
      const scope = this.scopeStack.at(-1);
      if (scope !== undefined)
        Object.assign(scope, { var: new NameList(), lexical: new NameList(), functions: new NameList() });
    }
  };
}
