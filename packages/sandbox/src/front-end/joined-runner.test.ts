/** The runner in one file is the runner in many: the same parts, the same exports, the same answers. The lanes' tests run programs in it. */

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Acorn } from '../../runners/javascript/parser.mjs';
import { prepareJavaScript } from '../../runners/javascript/source.mjs';
import { RUNNERS } from '../runners.ts';
import { asScript, joinedRunner } from './joined-runner.ts';

const require_ = createRequire(import.meta.url);

/** The parts of the file, as the cell loads them. */
function partsOf(text: string): (name: string) => Readonly<Record<string, unknown>> {
  const head = text.slice(0, text.lastIndexOf('(function (require) {'));
  return new vm.Script(`${head}; return load; })`).runInThisContext()(require_);
}

describe('the JavaScript runner in one file', () => {
  const load = partsOf(joinedRunner());

  test('holds every file of the runner', () => {
    const around = ['cell.cjs', 'start.cjs', 'keep-code.cjs'];
    const files = readdirSync(join(RUNNERS, 'javascript')).filter((name) => /\.[cm]js$/.test(name) && !around.includes(name));
    const missing = files.filter((name) => !joinedRunner().includes(`"./${name}": (function`));
    expect(files.length).toBeGreaterThan(6);
    expect(missing).toEqual([]);
  });

  test.each(['engine.mjs', 'parser.mjs', 'source.mjs', 'report.mjs'])('gives the exports of %s', async (name) => {
    const original = (await import(join(RUNNERS, 'javascript', name))) as Readonly<Record<string, unknown>>;
    const joined = load(`./${name}`);
    expect(Object.keys(joined).sort()).toEqual(Object.keys(original).sort());
    for (const [key, value] of Object.entries(original)) {
      expect(typeof joined[key], key).toBe(typeof value);
      if (typeof value !== 'function') expect(joined[key]).toBe(value);
    }
  });

  test('loads each part once, and leaves other names to Node', () => {
    expect(load('./report.mjs')).toBe(load('./report.mjs'));
    expect(load('node:path')).toBe(require_('node:path'));
    expect((load('acorn') as { readonly version: string }).version).toBe(
      (require_('acorn') as { readonly version: string }).version,
    );
  });

  test('prepares a program as the files do', () => {
    const acorn = require_('acorn') as Acorn;
    const joined = load('./source.mjs') as { readonly prepareJavaScript: typeof prepareJavaScript };
    for (const code of ['1 + 1', 'const a = await 1; a', 'import x from "y"; x', 'let let = 1', 'a\n.b'])
      expect(joined.prepareJavaScript(code, { acorn, session: false })).toEqual(
        prepareJavaScript(code, { acorn, session: false }),
      );
  });

  test.each([
    ['a default export', 'export default 1;'],
    ['a list of exports', 'const a = 1;\nexport { a };\nexport const b = 1;'],
    ['a whole import', "import * as a from './a.mjs';\nexport const b = 1;"],
    ['an import of a package', "import { a } from 'a';\nexport const b = 1;"],
    ['no export', 'const a = 1;'],
  ])('does not guess at a module with %s', (_, text) => {
    expect(() => asScript(text, 'x.mjs')).toThrow(/expected x\.mjs to import names/);
  });
});
