import * as acorn from 'acorn';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareJavaScript } from '../../runners/javascript/source.mjs';

/** Runs what the transform made, in this process: the inputs are this file's own. */
async function evaluate(code: string, session = false): Promise<unknown> {
  const prepared = prepareJavaScript(code, { acorn, session });
  if (!('source' in prepared)) throw new Error(prepared.message);
  let last: unknown;
  const load = async (name: string): Promise<unknown> => ({ default: `default of ${name}`, a: 1, 'b-c': 2 });
  // biome-ignore lint/security/noGlobalEval: constants of this test
  const start = globalThis.eval;
  await start(prepared.source)(null, { exports: {} }, {}, '', '', load, (value: unknown) => {
    last = value;
  });
  return last;
}

describe('prepareJavaScript', () => {
  it.each<[string, unknown]>([
    ['1 + 1', 2],
    ['1 + 1;', 2],
    ['({ a: 1 }).a', 1],
    ['(1, 2);', 2],
    ['(3) // c', 3],
    ['(4) /* c */ ;', 4],
    ['const a = 5\n;[a].map((x) => x)[0]', 5],
    ["'use strict'; this", undefined],
    ['if (true) { 1 }', undefined],
    ['await Promise.resolve(6)', 6],
    ["import d, { a, 'b-c' as bc } from 'm'; [d, a, bc].join()", 'default of m,1,2'],
    ["import * as all from 'm'; all.a", 1],
    ["import 'm'; 7", 7],
    ["(await import('m')).a", 1],
    ["import d, * as all from 'm'; d + all.a", 'default of m1'],
    ['import.meta.url', 'file:///tmp/main.js'],
    ['export const x = 8; x', 8],
    ['export { y }; var y = 9; y', 9],
    ['export default class {}\n10', 10],
    ['#!/usr/bin/env node\n11', 11],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    ['`${`${12}`}`', '12'],
    ['label: for (;;) break label\n13', 13],
    ['return 14', undefined],
  ])('%j gives %j', async (code, value) => {
    expect(await evaluate(code)).toEqual(value);
  });

  it('makes the names of session cells global', async () => {
    const names = ['va', 'vb', 'vc', 'vd', 'vf', 'VG', 'vm'];
    await evaluate(
      "const va = 1, { vb, x: [vc = 3] } = { vb: 2, x: [] }; let vd; function vf() { return va }\nclass VG {}\nimport vm from 'm'",
      true,
    );
    const globals = globalThis as unknown as Record<string, unknown>;
    expect(names.map((name) => typeof globals[name])).toEqual([
      'number',
      'number',
      'number',
      'undefined',
      'function',
      'function',
      'string',
    ]);
    expect([globals.vb, globals.vc]).toEqual([2, 3]);
    for (const name of names) delete globals[name];
  });

  it.each(['const a = ;', 'a b', '"unclosed', 'let a; let a;', '('.repeat(100_000)])(
    'says where it does not parse: %.20j',
    (code) => {
      expect(prepareJavaScript(code, { acorn, session: false })).toMatchObject({ name: 'SyntaxError' });
    },
  );

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(
              fc.constantFrom(
                'import',
                'export',
                '{',
                '}',
                '(',
                ')',
                ';',
                '`',
                '${',
                'a',
                '=>',
                '\n',
                "'m'",
                'from',
                'await',
                'class',
                'let',
              ),
            )
            .map((t) => t.join(' ')),
        ),
        fc.boolean(),
        (code, session) => {
          const prepared = prepareJavaScript(code, { acorn, session });
          expect('source' in prepared || prepared.name === 'SyntaxError').toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
