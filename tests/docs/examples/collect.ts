/** Every `@example` in the sources of the published packages, with the exported declaration it belongs to. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseSync } from 'vite';
import { boundBy, isNode, type Node } from './free-names.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;

export interface Example {
  /** Path from the root of the repository. */
  readonly file: string;
  /** The line on which the text begins. */
  readonly line: number;
  readonly text: string;
  /** The exported name it is of; `null` for a declaration that is not exported. */
  readonly of: string | null;
  /** Names of the parameters by position, when that name is a function. Empty for one that is taken apart. */
  readonly parameters: readonly string[];
  readonly isFunction: boolean;
}

/** An exported function. */
export interface Declared {
  readonly name: string;
  readonly line: number;
  readonly hasExample: boolean;
}

export interface SourceFile {
  readonly file: string;
  readonly functions: readonly Declared[];
  readonly values: readonly string[];
  readonly types: readonly string[];
  readonly examples: readonly Example[];
}

/** The text after each `@example`, up to the next tag or the end of the comment, with its offset in the comment. */
function examplesIn(comment: string): readonly { readonly text: string; readonly offset: number }[] {
  return [...comment.matchAll(/@example\b[ \t]*(?:\n[ \t]*\*[ \t]?)?([\s\S]*?)(?=\n[ \t]*\*[ \t]*@[a-z]|[ \t]@throws|$)/g)].map(
    (match) => {
      const text = match[1] ?? '';
      const offset = match.index + match[0].length - text.length;
      return {
        text: text
          .replace(/^[ \t]*\* ?/gm, '')
          .replace(/^```.*$/gm, '')
          .trimEnd(),
        offset,
      };
    },
  );
}

const namesOf = (declaration: Node): readonly string[] =>
  Array.isArray(declaration.declarations)
    ? (declaration.declarations as readonly Node[]).flatMap(({ id }) => boundBy(id as Node))
    : isNode(declaration.id)
      ? [String(declaration.id.name)]
      : [];

const isTypeOnly = ({ type }: Node): boolean => /^TS(?:Interface|TypeAlias)Declaration$/.test(type);

function readSource(file: string): SourceFile {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  const { program, comments } = parseSync(file, text);
  const body = (program as unknown as { readonly body: readonly Node[] }).body;
  const exported = body.flatMap((node) =>
    node.type === 'ExportNamedDeclaration' && isNode(node.declaration) ? [node.declaration] : [],
  );
  const examples = comments
    .filter(({ type, value }) => type === 'Block' && value.startsWith('*') && value.includes('@example'))
    .flatMap(({ value, start, end }) => {
      const node = body.find((each) => each.end > end);
      const declaration = node !== undefined && isNode(node.declaration) ? node.declaration : node;
      const isDirect = node !== undefined && node.start >= end && text.slice(end, node.start).trim() === '';
      const isFunction = isDirect && declaration?.type === 'FunctionDeclaration';
      const of = node?.type === 'ExportNamedDeclaration' && declaration !== undefined ? namesOf(declaration)[0] : undefined;
      const parameters = isFunction ? (declaration.params as readonly Node[]).map(parameterName) : [];
      return examplesIn(value).map((example) => ({
        ...{ file, text: example.text, of: of ?? null, parameters, isFunction },
        line: text.slice(0, start + 2 + example.offset).split('\n').length,
      }));
    });
  return {
    file,
    functions: body.flatMap((node) => functionIn(node, text, comments)),
    values: exported.filter((each) => !isTypeOnly(each)).flatMap(namesOf),
    types: exported.filter((each) => isTypeOnly(each) || each.type === 'ClassDeclaration').flatMap(namesOf),
    examples,
  };
}

type Comments = ReturnType<typeof parseSync>['comments'];

function functionIn(node: Node, text: string, comments: Comments): readonly Declared[] {
  const { declaration } = node;
  if (node.type !== 'ExportNamedDeclaration' || !isNode(declaration) || declaration.type !== 'FunctionDeclaration') return [];
  const docstring = comments.findLast(({ end }) => end <= node.start && text.slice(end, node.start).trim() === '');
  const hasExample = docstring?.value.startsWith('*') === true && docstring.value.includes('@example');
  return namesOf(declaration).map((name) => ({ name, line: text.slice(0, node.start).split('\n').length, hasExample }));
}

function parameterName(parameter: Node): string {
  const inner = parameter.type === 'AssignmentPattern' ? (parameter.left as Node) : parameter;
  return inner.type === 'Identifier' ? String(inner.name) : '';
}

/** The sources of `packages`, folders below packages/. Tests and declarations are left out. */
export function readSources(packages: readonly string[]): readonly SourceFile[] {
  const folders = packages.map((name) => `packages/${name}/src`);
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...folders], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return files
    .trim()
    .split('\n')
    .filter((file) => /\.ts$/.test(file) && !/(?:\.test|\.d)\.ts$/.test(file))
    .map(readSource);
}
