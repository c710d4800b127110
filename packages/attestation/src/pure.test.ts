/** The verifier reads no clock, opens no connection and waits for nothing; only `endorsements/`, a subpath of its own, fetches. */

import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const ROOT = new URL('.', import.meta.url).pathname;
const FILES = globSync('**/*.ts', { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'));
const PURE = FILES.filter((path) => !path.startsWith('endorsements/'));

/** Comments show callers where a clock belongs: `now: Date.now()`. */
function codeOf(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
}

const IMPURE: readonly (readonly [string, RegExp])[] = [
  ['the clock', /\bDate\.now\b|new Date\(\)|\bperformance\.now\b/],
  ['the network', /\bfetch\(|\bXMLHttpRequest\b|\bWebSocket\b|\bEventSource\b/],
  ['timers', /\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ['chance', /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/],
  ['Node', /from 'node:|\bprocess\.|\bBuffer\b|\brequire\(/],
  ['a browser', /\bglobalThis\.window\b|\bdocument\.(?:cookie|querySelector)|\blocalStorage\b/],
  [
    'memory of its own',
    /^(?:export )?(?:const|let) \w+[^=\n]*= (?:\/\* @__PURE__ \*\/ )?new (?:WeakMap|WeakSet|BytesCache|VerificationCache)\b/m,
  ],
  // Names in lower case: constants are written in upper case.
  [
    'a map that it fills',
    /^(?:export )?(?:const|let) [a-z]\w*[^=\n]*= (?:\/\* @__PURE__ \*\/ )?new (?:Map|Set)(?:<[^\n]*>)?\(\);/m,
  ],
];

describe.each(IMPURE)('the verifier does not use %s', (_, pattern) => {
  test('in any of its files', () => {
    expect(PURE.length).toBeGreaterThan(150);
    expect(PURE.filter((path) => pattern.test(codeOf(path)))).toEqual([]);
  });
});

test('the patterns find what they are for', () => {
  const samples = [
    'const now = Date.now();',
    'await fetch(url)',
    'setTimeout(done, 5)',
    'crypto.getRandomValues(bytes)',
    "import { readFile } from 'node:fs';",
    'localStorage.getItem(name)',
    'const known = new WeakMap<Endorsements, Bag>();',
    'const texts = /* @__PURE__ */ new Map<number, string>();',
  ];
  expect(IMPURE.map(([, pattern], index) => pattern.test(samples[index] ?? ''))).toEqual(samples.map(() => true));
});

test('nothing outside imports what fetches', () => {
  expect(PURE.filter((path) => /from '(?:\.\.?\/)+endorsements\//.test(codeOf(path)))).toEqual([]);
});
