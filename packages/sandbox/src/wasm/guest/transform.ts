/**
 * Prepares JavaScript inside the guest, under the limits of the job: wraps it in an async function, turns imports into calls, and
 * marks the last expression so that its value can be shown. No boundary: a script cannot import, however it was prepared.
 */

import type { Node, Program } from 'acorn';
import { type Acorn, parseProgram } from './program-parser.ts';

export interface Prepared {
  /** Source for the guest: an async function expression. */
  readonly source: string;
  /** What was put in where, so that columns in traces can be put right. */
  readonly shifts: readonly ColumnShift[];
}

/** At `column` (from 0) of `line` (from 1) of the program, `by` characters were put in (or taken out, when negative). */
export type ColumnShift = readonly [line: number, column: number, by: number];

/** A syntax error, in the words of the code's own lines. */
export interface SyntaxDefect {
  readonly name: 'SyntaxError';
  readonly message: string;
  readonly traceback: string;
}

interface Edit {
  readonly at: number;
  /** Characters replaced. */
  readonly remove: number;
  readonly insert: string;
}

const HEAD = '(async function (require, module, exports, __filename, __dirname, __load, __keep) {';
const MAX_DEPTH = 2000;

/**
 * Wraps a program. With `session`, its top-level names become globals, so that later cells see them.
 *
 * @example
 * prepareJavaScript('const { ethers } = require("ethers");\nawait 1;\n"last";', { acorn, session: false });
 */
export function prepareJavaScript(
  code: string,
  options: { readonly acorn: Acorn; readonly session: boolean },
): Prepared | SyntaxDefect {
  let program: Program;
  try {
    program = parseProgram(options.acorn, code);
  } catch (error) {
    return syntaxDefect(code, error);
  }
  const edits: Edit[] = [];
  if (code.startsWith('#!')) edits.push({ at: 0, remove: 0, insert: '//' });
  const hoisted: string[] = [];
  try {
    rewriteImports(program, edits, 0);
  } catch (error) {
    return syntaxDefect(code, error);
  }
  for (const [index, statement] of program.body.entries()) {
    rewriteModuleSyntax(statement as AnyNode, edits, options.session);
    if (options.session) shareNames(statement as AnyNode, edits, hoisted);
    if (index === program.body.length - 1) keepLast(code, statement as AnyNode, edits);
  }
  const head = HEAD + hoisted.map((name) => `globalThis.${name}=${name};`).join('');
  return {
    source: `${head}${apply(code, edits)}\n})\n//# sourceURL=main.js`,
    shifts: [[1, 0, head.length], ...shiftsOf(code, edits)],
  };
}

interface AnyNode extends Node {
  readonly [member: string]: unknown;
}

/** `import(x)` → `__load(x)`, `import.meta.url` → a constant, anywhere in the tree. */
function rewriteImports(node: unknown, edits: Edit[], depth: number): void {
  if (depth > MAX_DEPTH) throw new SyntaxError('the code is nested too deeply');
  if (Array.isArray(node)) {
    for (const child of node) rewriteImports(child, edits, depth + 1);
    return;
  }
  if (typeof node !== 'object' || node === null || !('type' in node)) return;
  const { type, start, end } = node as AnyNode;
  if (type === 'ImportExpression') edits.push({ at: start, remove: 'import'.length, insert: '__load' });
  if (type === 'MetaProperty' && ((node as AnyNode).meta as { readonly name?: string }).name === 'import') {
    edits.push({ at: start, remove: end - start, insert: "({url:'file:///tmp/main.js',main:true})" });
  }
  for (const [member, child] of Object.entries(node)) if (member !== 'loc') rewriteImports(child, edits, depth + 1);
}

interface ImportSpecifier {
  readonly type: string;
  readonly local: { readonly name: string };
  readonly imported?: { readonly name?: string; readonly value?: string };
}

/** Static imports become awaited loads; `export` is dropped. */
function rewriteModuleSyntax(statement: AnyNode, edits: Edit[], session: boolean): void {
  const { type, start, end } = statement;
  const declaration = statement.declaration as AnyNode | null | undefined;
  if (type === 'ImportDeclaration') {
    const source = JSON.stringify((statement.source as { readonly value: string }).value);
    const specifiers = statement.specifiers as readonly ImportSpecifier[];
    const whole = specifiers.find((specifier) => specifier.type === 'ImportNamespaceSpecifier');
    const named = specifiers
      .filter((specifier) => specifier !== whole)
      .map(({ type: kind, local, imported }) => {
        const name = kind === 'ImportDefaultSpecifier' ? 'default' : (imported?.name ?? JSON.stringify(imported?.value));
        return `${name}: ${local.name}`;
      });
    const bind = (pattern: string, value: string): string =>
      session ? `(${pattern} = ${value});` : `const ${pattern} = ${value};`;
    const parts: string[] = [];
    if (specifiers.length === 0) parts.push(`await __load(${source});`);
    if (whole !== undefined) parts.push(bind(whole.local.name, `await __load(${source})`));
    if (named.length > 0) parts.push(bind(`{ ${named.join(', ')} }`, `await __load(${source})`));
    edits.push({ at: start, remove: end - start, insert: parts.join(' ') });
  } else if (type === 'ExportNamedDeclaration' && declaration) {
    edits.push({ at: start, remove: declaration.start - start, insert: '' });
  } else if (type === 'ExportDefaultDeclaration' && declaration) {
    const named = /^(Function|Class)Declaration$/.test(declaration.type) && declaration.id !== null;
    edits.push({ at: start, remove: declaration.start - start, insert: named ? '' : 'exports.default = ' });
  } else if (type === 'ExportNamedDeclaration' || type === 'ExportAllDeclaration') {
    edits.push({ at: start, remove: end - start, insert: '' });
  }
}

/** Turns a top-level declaration into assignments to globals. */
function shareNames(outer: AnyNode, edits: Edit[], hoisted: string[]): void {
  const statement = (outer.type.startsWith('Export') ? outer.declaration : outer) as AnyNode | null | undefined;
  if (statement?.type === 'FunctionDeclaration' && statement.id)
    hoisted.push((statement.id as { readonly name: string } & object).name);
  if (statement?.type === 'ClassDeclaration' && statement.id) {
    const { name } = statement.id as { readonly name: string } & object;
    edits.push({ at: statement.start, remove: 0, insert: `${name} = ` }, { at: statement.end, remove: 0, insert: ';' });
  }
  if (statement?.type !== 'VariableDeclaration') return;
  const declarators = statement.declarations as readonly {
    readonly id: Node;
    readonly init: Node | null;
    readonly end: number;
  }[];
  const [first] = declarators;
  const last = declarators.at(-1);
  if (first === undefined || last === undefined) return;
  edits.push({ at: statement.start, remove: first.id.start - statement.start, insert: 'void (' });
  for (const { id, init, end } of declarators) {
    edits.push({ at: id.start, remove: 0, insert: '(' });
    edits.push({ at: end, remove: 0, insert: init === null ? ' = undefined)' : ')' });
  }
  edits.push({ at: last.end, remove: 0, insert: ');' });
}

/** Wraps a last expression statement in `__keep(…)`. */
function keepLast(code: string, statement: AnyNode, edits: Edit[]): void {
  if (statement.type !== 'ExpressionStatement') return;
  const end = code[statement.end - 1] === ';' ? statement.end - 1 : statement.end;
  // In front of, and behind, whatever else is put in at the same places.
  edits.unshift({ at: statement.start, remove: 0, insert: ';__keep((' });
  edits.push({ at: end, remove: 0, insert: '))' });
}

const MAX_SHIFTS = 1000;

function shiftsOf(code: string, edits: readonly Edit[]): readonly ColumnShift[] {
  let line = 1;
  let lineStart = 0;
  let lineEnd = code.indexOf('\n');
  return inOrder(edits)
    .slice(0, MAX_SHIFTS)
    .map(({ at, remove, insert }) => {
      while (lineEnd !== -1 && lineEnd < at) {
        line += 1;
        lineStart = lineEnd + 1;
        lineEnd = code.indexOf('\n', lineStart);
      }
      return [line, at - lineStart, insert.length - remove];
    });
}

function inOrder(edits: readonly Edit[]): readonly Edit[] {
  return edits.map((edit, order) => ({ ...edit, order })).sort((a, b) => a.at - b.at || a.order - b.order);
}

function apply(code: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const edit of inOrder(edits)) {
    if (edit.at < at) continue;
    result += code.slice(at, edit.at) + edit.insert;
    at = edit.at + edit.remove;
  }
  return result + code.slice(at);
}

function syntaxDefect(code: string, error: unknown): SyntaxDefect {
  const { loc } = error as { readonly loc?: { readonly line: number; readonly column: number } };
  const text =
    error instanceof RangeError ? 'the code is nested too deeply' : (error as Error).message.replace(/ \(\d+:\d+\)$/, '');
  const message = loc === undefined ? text : `${text} (line ${loc.line}, column ${loc.column + 1})`;
  const line = loc === undefined ? '' : (code.split('\n')[loc.line - 1] ?? '');
  const shown = line.length > 0 && line.length < 200 ? `\n${line}\n${' '.repeat(loc?.column ?? 0)}^` : '';
  return { name: 'SyntaxError', message, traceback: `main.js:${loc?.line ?? 1}${shown}\n\nSyntaxError: ${message}` };
}
