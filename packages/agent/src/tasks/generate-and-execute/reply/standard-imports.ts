/**
 * Imports of the standard library that a program forgot. A program that uses `json` and binds it nowhere can only fail, and small models forget the
 * same import in every attempt.
 */

import type { GeneratedLanguage } from './language.ts';
import { Syntax } from './syntax.ts';

/** Modules, as programs name them. Those that are global in the sandbox are left out. */
const MODULES: Readonly<Record<GeneratedLanguage, readonly string[]>> = {
  python: [
    ...[
      'base64',
      'binascii',
      'calendar',
      'collections',
      'copy',
      'csv',
      'datetime',
      'decimal',
      'functools',
      'glob',
      'hashlib',
      'heapq',
      'io',
    ],
    ...['itertools', 'json', 'math', 'os', 'pathlib', 'random', 're', 'statistics', 'string', 'sys', 'textwrap', 'time'],
  ],
  javascript: ['assert', 'fs', 'os', 'path', 'readline', 'util', 'zlib'],
};
/** Names that programs import from a module, where only one module is meant by them. */
const MEMBERS: Readonly<Record<string, string>> = {
  ...membersOf('collections', ['Counter', 'OrderedDict', 'defaultdict', 'deque', 'namedtuple']),
  ...membersOf('datetime', ['date', 'timedelta', 'timezone']),
  ...membersOf('decimal', ['Decimal']),
  ...membersOf('fractions', ['Fraction']),
  ...membersOf('functools', ['lru_cache', 'partial', 'reduce']),
  ...membersOf('itertools', ['combinations', 'groupby', 'permutations']),
  ...membersOf('math', ['ceil', 'factorial', 'floor', 'gcd', 'sqrt']),
  ...membersOf('pathlib', ['Path']),
  ...membersOf('statistics', ['mean', 'median', 'pstdev', 'stdev']),
};

/** A name with a point behind it, which is no member of another. */
const BEFORE_POINT = /(?<![.\w])(\w+)\s*\./g;

/** A program with the imports it forgot, and their lines; `null` when it forgot none or is no program. */
export function withImports(
  code: string,
  language: GeneratedLanguage,
): { readonly code: string; readonly lines: readonly string[] } | null {
  const checked = new Syntax(language).check(code);
  if (!checked.fits) return null;
  const { needs, literals } = checked.facts;
  const bare = [...literals].reduceRight((text, { from, to }) => text.slice(0, from) + text.slice(to), code);
  const asModules = new Set([...bare.matchAll(BEFORE_POINT)].map(([, name = '']) => name));
  const lines = [...needs].flatMap((name) => importOf(name, language, asModules.has(name)) ?? []);
  // A docstring, a shebang or an import of the future stays first.
  if (lines.length === 0 || /^(?:#!|\s*(?:'''|""")|\s*from __future__)/.test(code)) return null;
  return { code: `${lines.join('\n')}\n${code}`, lines };
}

/**
 * The line that imports a module of the standard library, or a member of one; `null` for every other name.
 * @param asModule the name stands before a point.
 * @example importOf('fs', 'javascript', true) // 'const fs = require("fs");'
 */
export function importOf(name: string, language: GeneratedLanguage, asModule: boolean): string | null {
  if (asModule && MODULES[language].includes(name))
    return language === 'python' ? `import ${name}` : `const ${name} = require("${name}");`;
  const home = language === 'python' && Object.hasOwn(MEMBERS, name) ? MEMBERS[name] : undefined;
  return home === undefined ? null : `from ${home} import ${name}`;
}

function membersOf(home: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, home]));
}
