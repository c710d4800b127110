import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { RUNNERS } from '../runners.ts';

const { functionBody, RESULT } = createRequire(import.meta.url)(`${RUNNERS}/javascript-source.cjs`) as {
  functionBody(source: string, options?: { keep?: boolean }): string;
  RESULT: string;
};

/** Runs the body as the cell does; gives the value of the trailing expression. */
async function evaluate(source: string): Promise<unknown> {
  let value: unknown;
  const body = `return (async () => {${functionBody(source)}\n})();`;
  await new Function('require', 'module', RESULT, body)(createRequire(import.meta.url), { exports: {} }, (given: unknown) => {
    value = given;
    return given;
  });
  return value;
}

describe('JavaScript source', () => {
  it.each<[string, string, unknown]>([
    ['an expression', '1 + 1', 2],
    ['an expression with a semicolon and a comment', 'const x = 4;\nx * 2; // the answer', 8],
    ['an expression over several lines', 'const a = 1\nconst b = 2\na\n  + b', 3],
    ['an object literal in brackets', '({ a: 1 })', { a: 1 }],
    ['a template literal that holds newlines', '`a\nb`', 'a\nb'],
    ['awaited values', 'const x = await Promise.resolve(5);\nx', 5],
    ['no expression at the end', 'const x = 1;', undefined],
    ['a block at the end', 'if (true) { 7 }', undefined],
    ['an import declaration', "import { basename } from 'node:path';\nbasename('/a/b')", 'b'],
    ['a namespace and a default import', "import path, * as all from 'node:path';\n[path.sep, all.sep]", ['/', '/']],
    ['an export', 'export const x = 3;\nx', 3],
    ['a hash-bang line', '#!/usr/bin/env node\n9', 9],
    ['a return at top level', 'return 1;\n2', undefined],
    ['names of sloppy mode', 'var arguments_ = 1; with ({ z: 5 }) { arguments_ = z }\narguments_', 5],
  ])('%s', async (_title, source, wanted) => {
    expect(await evaluate(source)).toEqual(wanted);
  });

  it('keeps line numbers', () => {
    const source = "import a from 'x';\nconst b = 1;\n\nb";
    expect(functionBody(source).split('\n')).toHaveLength(4);
  });

  it('says where a program does not parse', () => {
    expect(() => functionBody('const = 1')).toThrow(SyntaxError);
  });

  it('makes globals of the names of a session', async () => {
    const keys = ['ka', 'kb', 'kc', 'kf', 'KC'];
    const source = 'const ka = 1; let { kb, inner: [kc] } = { kb: 2, inner: [3] }; function kf() { return 4 }\nclass KC {}';
    await new Function(RESULT, `return (async () => {${functionBody(source, { keep: true })}\n})();`)(() => {});
    const found = globalThis as unknown as Record<string, unknown>;
    expect(keys.map((key) => typeof found[key])).toEqual(['number', 'number', 'number', 'function', 'function']);
    for (const key of keys) delete found[key];
  });
});
