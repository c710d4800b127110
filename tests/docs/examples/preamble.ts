/** What stands before an example so that it compiles alone: imports of what it uses, declarations of what it takes as given. */

import type { Example, SourceFile } from './collect.ts';
import { freeNames } from './free-names.ts';

/** Values that examples take as given when no parameter of their function has the name; functions among them are the reader's own. */
const GIVEN: Readonly<Record<string, string>> = {
  agent: "import('assay').Agent",
  apiKey: 'string',
  ask: '(query?: number) => Promise<any>',
  bytes: 'Uint8Array<ArrayBuffer>',
  keyset: "import('@assay/receipt').Keyset",
  ledger: "import('@assay/ledger').Ledger",
  load: '() => Promise<unknown>',
  nonce: 'string',
  now: 'number',
  path: 'string',
  pem: 'string',
  post: '(...given: readonly unknown[]) => Promise<any>',
  receipt: "import('@assay/receipt').Receipt",
  save: '(given: unknown) => Promise<void>',

  signal: 'AbortSignal',
  text: 'string',
  url: 'string',
  verdict: "import('assay').Verdict",
  work: '() => Promise<void>',
};

const NODE: Readonly<Record<string, string>> = {
  createHash: 'node:crypto',
  createServer: 'node:http',
  generateKeyPairSync: 'node:crypto',
  join: 'node:path',
  lookup: 'node:dns/promises',
  mkdirSync: 'node:fs',
  randomBytes: 'node:crypto',
  readFile: 'node:fs/promises',
  readFileSync: 'node:fs',
  writeFile: 'node:fs/promises',
  writeFileSync: 'node:fs',
};

/** Types of what is declared. `MemberOf` is a member of one of the parameters; a name that is none of them may be anything. */
const TYPES = `
type Plain<T> = T extends readonly unknown[] | Uint8Array | string | Function ? never : T extends object ? T : never;
type MemberOf<T, Name> = T extends unknown ? string extends keyof T ? never : Name extends keyof T ? T[Name] : never : never;
type Or<T, Default> = [T] extends [never] ? Default : NonNullable<T>;
type All<F> = F extends (...given: infer Given) => unknown ? Given extends readonly unknown[] ? Required<Given> : never : never;
type Given<F, Name, Default> = Or<MemberOf<Plain<All<F>[number]>, Name>, Default>;
type Parameter<F, Index extends number> = Or<All<F>[Index], any>;
declare function noPromise<T>(value: T extends PromiseLike<unknown> ? never : T): void;
`.replace(/\n\s*/g, ' ');

export interface Catalogue {
  /** Public names of values, each with the specifiers that export it. */
  readonly published: ReadonlyMap<string, readonly string[]>;
  readonly sources: readonly SourceFile[];
}

export interface Program {
  /** What stands before the text, in lines. */
  readonly before: number;
  readonly text: string;
  /** Functions that the example calls and that do not exist. */
  readonly unknown: readonly string[];
}

const packageOf = (path: string): string => path.split('/')[1] ?? '';

/** The specifier among `from` that the package in folder `own` has, or else the first. */
function preferred(from: readonly string[], own: string): string | undefined {
  const mine = from.filter((each) => each === own || each.startsWith(`${own}/`) || each.split('/')[1] === own);
  return [...mine, ...from][0];
}

/** @example programOf(example, catalogue).text */
export function programOf(example: Example, { published, sources }: Catalogue): Program {
  const { file, of, parameters, isFunction } = example;
  const names = freeNames(example.text);
  const own = packageOf(file);
  const publicOf = (name: string) => preferred(published.get(name) ?? [], own);
  const path = (each: string) => `../../../${each}`;
  const here = sources.find((each) => each.file === file);
  const inPackage = (name: string, kind: 'values' | 'types') =>
    sources.find((each) => packageOf(each.file) === own && each[kind].includes(name)) ??
    (kind === 'types' ? sources.find((each) => each.types.includes(name)) : undefined);
  const isPublic = of !== null && published.has(of);
  const lines = new Set<string>();
  const unknown: string[] = [];
  const type = (name: string) => {
    const without = GIVEN[name] ?? 'any';
    return isFunction ? `Given<typeof Subject, '${name}', ${without}>` : without;
  };

  for (const name of names.types) {
    const source = inPackage(name, 'types');
    if (source !== undefined) lines.add(`import type { ${name} } from '${path(source.file)}';`);
  }
  for (const name of names.values) {
    const position = parameters.indexOf(name);
    const specifier = publicOf(name);
    const isThing = names.called.has(name) || /^[A-Z]/.test(name);
    const source = inPackage(name, 'values');
    if (position >= 0 && !(names.called.has(name) && specifier !== undefined))
      lines.add(`declare const ${name}: Parameter<typeof Subject, ${position}>;`);
    else if (here?.values.includes(name) && !(isPublic && specifier === undefined))
      lines.add(`import { ${name} } from '${path(file)}';`);
    else if (name in NODE) lines.add(`import { ${name} } from '${NODE[name]}';`);
    else if (isThing && specifier !== undefined) lines.add(`import { ${name} } from '${specifier}';`);
    else if (name in globalThis && name !== 'name') continue;
    else if (isThing && source !== undefined && !isPublic) lines.add(`import { ${name} } from '${path(source.file)}';`);
    else if (!isThing || name in GIVEN) lines.add(`declare const ${name}: ${type(name)};`);
    else unknown.push(name);
  }
  const subject = of === null || !isFunction ? [] : [`import type { ${of} as Subject } from '${path(file)}';`];
  const before = [...subject, TYPES, ...lines];
  return { before: before.length, text: [...before, settled(example.text, names), 'export {};', ''].join('\n'), unknown };
}

/** The text, with each promise that is neither awaited nor handed on made an error. */
function settled(text: string, { statements, results, passedOn }: ReturnType<typeof freeNames>): string {
  let marked = text;
  for (const { start, end } of [...statements].reverse())
    marked = `${marked.slice(0, start)}noPromise(${marked.slice(start, end)})${marked.slice(end)}`;
  const left = results.filter((name) => !passedOn.has(name));
  return [marked, ...left.map((name) => `noPromise(${name});`)].join('\n');
}
