/**
 * What a program defines, needs and does, read from its syntax tree. Enough to see which blocks of a reply build on each other; it
 * does not resolve scopes: a name that is bound anywhere in a text is not needed from outside.
 */

import type { Tree } from '@lezer/common';
import type { GeneratedLanguage } from './language.ts';

export interface Facts {
  /** Names that the text binds at its top level. */
  readonly defines: ReadonlySet<string>;
  /** Functions and classes among them. */
  readonly routines: ReadonlySet<string>;
  /** Names that JavaScript lets a script declare only once. */
  readonly lexical: ReadonlySet<string>;
  /** Names that the text uses and does not bind, built-in ones included. */
  readonly needs: ReadonlySet<string>;
  /** Whether running it does something: a call, a loop, an expression at the top level. */
  readonly acts: boolean;
  /** Whether it has what sample output and single words lack: a call, an import or a definition. */
  readonly sure: boolean;
  readonly imports: readonly { readonly from: number; readonly to: number }[];
  /** Where its string literals and comments are, so that repairs leave them alone. */
  readonly literals: readonly { readonly from: number; readonly to: number }[];
}

interface Frame {
  readonly name: string;
  /** Names seen that may turn out to be bound. */
  pending: string[];
  bindNext: boolean;
}

const SCOPES: ReadonlySet<string> = new Set([
  ...[
    'FunctionDefinition',
    'LambdaExpression',
    'ClassDefinition',
    'FunctionDeclaration',
    'FunctionExpression',
    'ArrowFunction',
  ],
  ...['ClassDeclaration', 'ClassExpression', 'MethodDeclaration'],
]);
const ROUTINES: ReadonlySet<string> = new Set([
  ...['FunctionDefinition', 'ClassDefinition', 'FunctionDeclaration', 'ClassDeclaration'],
]);
const PATTERNS: ReadonlySet<string> = new Set(['TupleExpression', 'ArrayExpression', 'ParenthesizedExpression']);
const BINDING: ReadonlySet<string> = new Set(['ImportStatement', 'ScopeStatement', 'CapturePattern', 'StarPattern']);
const DOING: ReadonlySet<string> = new Set([
  ...['CallExpression', 'NewExpression', 'AwaitExpression', 'PrintStatement', 'RaiseStatement', 'ThrowStatement'],
  ...['ForStatement', 'WhileStatement', 'AssertStatement'],
]);
const SURE: ReadonlySet<string> = new Set([
  ...['CallExpression', 'NewExpression', 'ImportStatement', 'ImportDeclaration', 'FunctionDefinition', 'ClassDefinition'],
  ...['FunctionDeclaration', 'ClassDeclaration', 'ForStatement', 'WhileStatement', 'PrintStatement', 'VariableDeclaration'],
]);
const LITERALS: ReadonlySet<string> = new Set([
  'String',
  'FormatString',
  'TemplateString',
  'Comment',
  'LineComment',
  'BlockComment',
]);

export function factsOf(tree: Tree, code: string, language: GeneratedLanguage): Facts {
  return new Reader(code, language).read(tree);
}

class Reader {
  readonly #code: string;
  readonly #language: GeneratedLanguage;
  readonly #frames: Frame[] = [];
  readonly #bound = new Set<string>();
  readonly #used = new Set<string>();
  readonly #defines = new Set<string>();
  readonly #routines = new Set<string>();
  readonly #lexical = new Set<string>();
  readonly #imports: { from: number; to: number }[] = [];
  readonly #literals: { from: number; to: number }[] = [];
  #scopes = 0;
  #acts = false;
  #sure = false;
  #declaring = '';

  constructor(code: string, language: GeneratedLanguage) {
    this.#code = code;
    this.#language = language;
  }

  read(tree: Tree): Facts {
    tree.iterate({
      enter: ({ name, from, to }) => this.#enter(name, from, to),
      leave: ({ name }) => this.#leave(name),
    });
    const needs = new Set([...this.#used].filter((name) => !this.#bound.has(name)));
    const found = { defines: this.#defines, routines: this.#routines, lexical: this.#lexical, needs };
    return { ...found, acts: this.#acts, sure: this.#sure, imports: this.#imports, literals: this.#literals };
  }

  #enter(name: string, from: number, to: number): void {
    const parent = this.#frames.at(-1);
    if (SURE.has(name)) this.#sure = true;
    if (LITERALS.has(name)) this.#literals.push({ from, to });
    if (name === 'ImportStatement' || name === 'ImportDeclaration') this.#imports.push({ from, to });
    if (this.#scopes === 0 && this.#does(name, from)) this.#acts = true;
    if (name === 'VariableDeclaration') this.#declaring = this.#code.slice(from, from + 3);
    if (parent !== undefined) this.#token(name, from, to, parent);
    if (SCOPES.has(name)) this.#scopes += 1;
    this.#frames.push({ name, pending: [], bindNext: false });
  }

  #does(name: string, from: number): boolean {
    if (name === 'ExpressionStatement') return !`"'`.includes(this.#code[from] ?? '"');
    return DOING.has(name) && !this.#code.startsWith('require(', from);
  }

  #leave(name: string): void {
    const frame = this.#frames.pop();
    if (SCOPES.has(name)) this.#scopes -= 1;
    if (frame === undefined || frame.pending.length === 0) return;
    const parent = this.#frames.at(-1);
    if (PATTERNS.has(name) && parent !== undefined) parent.pending.push(...frame.pending.splice(0));
    else this.#settle(frame, frame.name === 'ParamList' || BINDING.has(frame.name));
  }

  #token(name: string, from: number, to: number, parent: Frame): void {
    if (name === 'VariableDefinition') {
      const word = this.#code.slice(from, to);
      this.#bind(word, ROUTINES.has(parent.name) ? 1 : 0);
      if (ROUTINES.has(parent.name) && this.#scopes === 1) this.#routines.add(word);
      const lexical = parent.name === 'ClassDeclaration' || this.#declaring === 'let' || this.#declaring === 'con';
      if (this.#defines.has(word) && lexical && parent.name !== 'FunctionDeclaration') this.#lexical.add(word);
    } else if (name === 'VariableName') this.#name(this.#code.slice(from, to), parent);
    else if (name === 'AssignOp' || name === 'Equals') {
      if (parent.name === 'ArgList') parent.pending.pop();
      else this.#settle(parent, true);
      parent.bindNext = false;
    } else if (name === 'for') this.#settle(parent, false);
    else if (name === 'in') this.#settle(parent, true);
    else if (name === 'as') parent.bindNext = true;
    else if (name === ',' && parent.name === 'ArgList') this.#settle(parent, false);
    else if (name === 'from' && parent.name === 'ImportStatement') parent.pending = [];
  }

  #name(word: string, parent: Frame): void {
    if (this.#language === 'javascript') {
      if (parent.name === 'AssignmentExpression') parent.pending.push(word);
      else this.#used.add(word);
      return;
    }
    if (ROUTINES.has(parent.name)) {
      this.#bind(word, 1);
      if (this.#scopes === 1) this.#routines.add(word);
    } else if (parent.bindNext || BINDING.has(parent.name)) {
      parent.bindNext = false;
      this.#bind(word, 0);
    } else parent.pending.push(word);
  }

  #settle(frame: Frame, bound: boolean): void {
    for (const word of frame.pending.splice(0)) {
      if (bound) this.#bind(word, 0);
      else this.#used.add(word);
    }
  }

  /** `own`: 1 for the name of the scope that was just entered, which belongs to the scope around it. */
  #bind(word: string, own: number): void {
    this.#bound.add(word);
    if (this.#scopes - own <= 0) this.#defines.add(word);
  }
}
