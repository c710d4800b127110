/** The names that a piece of TypeScript uses and does not declare. Scopes are not told apart: examples are short. */

import { parseSync } from 'vite';

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

export interface FreeNames {
  /** Names of values. */
  readonly values: ReadonlySet<string>;
  /** Those of them that are called, or made with `new`. */
  readonly called: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
  /** Expressions that stand as statements of the outermost level, as offsets. */
  readonly statements: readonly { readonly start: number; readonly end: number }[];
  /** Constants of the outermost level whose value is a call. */
  readonly results: readonly string[];
  /** Names whose promise is awaited, or handed on. */
  readonly passedOn: ReadonlySet<string>;
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** The parts of a node that are nodes, each with the name of the member that holds it. */
function partsOf(node: Node): readonly (readonly [string, Node])[] {
  return Object.entries(node).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((part) => [name, part] as const),
  );
}

/** Names that a pattern declares: `a`, `{ a, b: c }`, `[a, ...b]`, `a = 1`. */
export function boundBy(pattern: Node): readonly string[] {
  if (pattern.type === 'Identifier') return [String(pattern.name)];
  const inner = pattern.type === 'Property' ? [pattern.value] : pattern.type === 'AssignmentPattern' ? [pattern.left] : null;
  return (inner ?? partsOf(pattern).map(([, part]) => part)).filter(isNode).flatMap(boundBy);
}

const isFunction = ({ type }: Node): boolean =>
  /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type);

/** Whether the identifier in `member` of `parent` is the name of a property, and no variable. */
function isPropertyName(parent: Node, member: string): boolean {
  if (parent.computed === true) return false;
  return (
    (parent.type === 'MemberExpression' && member === 'property') ||
    (member === 'key' && !(parent.type === 'Property' && parent.shorthand === true && parent.value === undefined))
  );
}

class Names {
  readonly declared = new Set<string>();
  readonly values = new Set<string>();
  readonly called = new Set<string>();
  readonly types = new Set<string>();
  readonly passedOn = new Set<string>();

  visit(node: Node): void {
    if (node.type === 'VariableDeclarator') for (const name of boundBy(node.id as Node)) this.declared.add(name);
    if (isFunction(node)) for (const each of node.params as readonly Node[]) this.#declare(each);
    if (node.type === 'CatchClause' && isNode(node.param)) this.#declare(node.param);
    if (/^(?:Function|Class)Declaration$/.test(node.type) && isNode(node.id)) this.#declare(node.id);
    if (/^Import\w*Specifier$/.test(node.type)) this.#declare(node.local as Node);
    if (/^(?:CallExpression|NewExpression)$/.test(node.type)) this.#call(node);
    if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await === true))
      this.#passOn((node.argument ?? node.right) as Node);
    if (node.type === 'ReturnStatement' && isNode(node.argument)) this.#passOn(node.argument);
    if (node.type === 'TSTypeReference' || node.type === 'TSTypeQuery') {
      const name = (node.typeName ?? node.exprName) as Node;
      if (name.type === 'Identifier') (node.type === 'TSTypeQuery' ? this.values : this.types).add(String(name.name));
    }
    for (const [member, part] of partsOf(node))
      if (member !== 'typeName' && member !== 'exprName') {
        if (part.type === 'Identifier' && !isPropertyName(node, member)) this.values.add(String(part.name));
        this.visit(part);
      }
  }

  #declare(pattern: Node): void {
    for (const name of boundBy(pattern)) this.declared.add(name);
  }

  #call(node: Node): void {
    const callee = node.callee as Node;
    if (callee.type === 'Identifier') this.called.add(String(callee.name));
    for (const each of node.arguments as readonly Node[]) this.#passOn(each);
  }

  #passOn(node: Node): void {
    if (node.type === 'Identifier') this.passedOn.add(String(node.name));
    for (const [, part] of node.type === 'ArrayExpression' ? partsOf(node) : []) this.#passOn(part);
  }
}

/**
 * @throws {SyntaxError} when the text is no TypeScript.
 * @example freeNames("const receipt = parseReceipt(parseJson(bytes))").called // parseReceipt, parseJson
 */
export function freeNames(text: string): FreeNames {
  const { program, errors } = parseSync('example.ts', text, { sourceType: 'module' });
  if (errors.length > 0) throw new SyntaxError(errors.map(({ message }) => message).join('; '));
  const names = new Names();
  const root = program as unknown as Node;
  names.visit(root);
  const free = (all: ReadonlySet<string>) => new Set([...all].filter((name) => !names.declared.has(name)));
  const body = root.body as readonly Node[];
  return {
    values: free(names.values),
    called: free(names.called),
    types: names.types,
    passedOn: names.passedOn,
    statements: body.flatMap(({ type, expression }) =>
      type === 'ExpressionStatement' && isNode(expression) && expression.type === 'CallExpression' ? [expression] : [],
    ),
    results: body.flatMap(({ type, declarations }) =>
      type === 'VariableDeclaration'
        ? (declarations as readonly Node[]).flatMap(({ id, init }) =>
            isNode(init) && init.type === 'CallExpression' && (id as Node).type === 'Identifier'
              ? [String((id as Node).name)]
              : [],
          )
        : [],
    ),
  };
}
