/** How much work the parser does: counted by the engine, block by block, for a program and one of twice its length. */

import { Session } from 'node:inspector/promises';
import * as acorn from 'acorn';
import { describe, expect, it } from 'vitest';
import { prepareJavaScript } from '../../runners/javascript/source.mjs';

/** Array and text searches are native and show in no block: what they look at is counted here. */
function countSearches(): { readonly steps: () => number; readonly restore: () => void } {
  let steps = 0;
  const { indexOf } = Array.prototype;
  const split = String.prototype.split as (this: string, ...args: unknown[]) => string[];
  Array.prototype.indexOf = function (this: unknown[], ...args: [unknown, number?]) {
    const at = Reflect.apply(indexOf, this, args) as number;
    steps += at === -1 ? this.length : at + 1;
    return at;
  };
  String.prototype.split = function (this: string, ...args: unknown[]) {
    steps += this.length;
    return Reflect.apply(split, this, args);
  };
  return {
    steps: () => steps,
    restore: () => {
      Array.prototype.indexOf = indexOf;
      String.prototype.split = split;
    },
  };
}

/** Blocks that ran in acorn and in this lane's own code, and places that were searched, while `code` was prepared. */
async function workOf(code: string): Promise<number> {
  const session = new Session();
  session.connect();
  const searches = countSearches();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    prepareJavaScript(code, { acorn, session: true });
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const own = result.filter(({ url }) => /acorn|runners\/javascript\//.test(url) && !/\.test\./.test(url));
    const ranges = own.flatMap(({ functions }) => functions.flatMap((part) => part.ranges));
    return searches.steps() + ranges.reduce((total, { count }) => total + count, 0);
  } finally {
    searches.restore();
    session.disconnect();
  }
}

/** The engine can drop counters when it collects garbage, and never adds any: the most of three is the work. */
async function mostWorkOf(code: string): Promise<number> {
  return Math.max(await workOf(code), await workOf(code), await workOf(code));
}

const many = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, at) => make(at)).join('');

describe('the work of the parser grows as the program does', () => {
  it.each<[string, (count: number) => string]>([
    ['let names', (n) => many(n, (at) => `let a${at};`)],
    ['var names', (n) => many(n, (at) => `var a${at};`)],
    ['functions', (n) => many(n, (at) => `function f${at}() {}`)],
    ['functions in a block', (n) => `{${many(n, (at) => `function f${at}() {}`)}}`],
    ['parameters', (n) => `(${many(n, (at) => `p${at},`)}) => 1`],
    ['names of a pattern', (n) => `const {${many(n, (at) => `p${at},`)}} = {};`],
    ['caught names', (n) => many(n, (at) => `try {} catch (e${at}) { var v${at}; }`)],
    ['imports', (n) => many(n, (at) => `import m${at} from 'm';`)],
    ['imports behind many lines', (n) => '\n'.repeat(20 * n) + many(n, () => 'import(0);')],
    ['imports of one line', (n) => many(n, () => 'import(0);')],
    ['exports', (n) => many(n, (at) => `export const x${at} = 1;\n`)],
    ['members', (n) => `({${many(n, (at) => `m${at}: 1,`)}})`],
  ])('%s', async (_name, make) => {
    await workOf(make(500));
    const [once, double] = [await mostWorkOf(make(5000)), await mostWorkOf(make(10_000))];
    expect(once).toBeGreaterThan(5000);
    expect(double / once).toBeLessThan(3);
  });
});
