/**
 * What readers and writers of bytes cost: memory in proportion to their input, however the input is made. Each case runs in a process
 * with a small heap; an encoder that glues characters, or a reader that builds before it counts, ends it.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Runs a module under `heapMiB` of heap; prints what it says, and its largest resident size in MiB. */
function run(
  program: string,
  heapMiB: number,
): { readonly status: number | null; readonly said: string; readonly rssMiB: number } {
  const source = `${program}\nconsole.log(process.resourceUsage().maxRSS >> 10);`;
  const { status, stdout } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${heapMiB}`, '--conditions=@assay/source', '--input-type=module', '-e', source],
    { cwd: here('..'), encoding: 'utf8' },
  );
  const lines = stdout.trim().split('\n');
  return { status, said: lines.slice(0, -1).join('\n'), rssMiB: Number(lines.at(-1)) };
}

const codeOf = (call: string): string => `try { ${call}; console.log('read') } catch (error) { console.log(error.code) }`;
const JSON_MODULE = `import { parseJson } from ${JSON.stringify(here('json.ts'))};`;
const json = (fill: string, count: number): string =>
  `${JSON_MODULE} ${codeOf(`parseJson(Buffer.concat([Buffer.from('['), Buffer.alloc(${fill.length * count}, ${JSON.stringify(fill)}), Buffer.from('0]')]))`)}`;
const MANY = 20_000_000;

it.each([
  [
    'base64 of 48 MiB',
    `import { encodeBase64 as e } from ${JSON.stringify(here('base64.ts'))}; console.log(e(new Uint8Array(48 << 20)).length)`,
    String(64 << 20),
  ],
  [
    'base64url of 48 MiB',
    `import { encodeBase64Url as e } from ${JSON.stringify(here('base64.ts'))}; console.log(e(new Uint8Array(48 << 20)).length)`,
    String(64 << 20),
  ],
  [
    'hex of 32 MiB',
    `import { encodeHex as e } from ${JSON.stringify(here('hex.ts'))}; console.log(e(new Uint8Array(32 << 20)).length)`,
    String(64 << 20),
  ],
  ['60 MB of empty objects', json('{},', MANY), 'json/limit'],
  ['60 MB of empty lists', json('[],', MANY), 'json/limit'],
  ['60 MB of numbers', json('0,', MANY * 1.5), 'json/limit'],
  ['60 MB of texts', json('"",', MANY), 'json/limit'],
  ['40 MB of members', json('{"a":0},', MANY / 4), 'json/limit'],
  ['60 MB of brackets', json('[', MANY * 3), 'json/limit'],
  [
    '60 MB of one text',
    `${JSON_MODULE} ${codeOf("parseJson(Buffer.concat([Buffer.from('\"'), Buffer.alloc(60e6, 97), Buffer.from('\"')]))")}`,
    'read',
  ],
  ['500,000 empty objects', json('{},', 499_000), 'read'],
  ['lists of one', json('[0],', 249_000), 'read'],
  [
    'members of their own names',
    `${JSON_MODULE} ${codeOf(`parseJson('[' + Array.from({ length: 166_000 }, (_, i) => '{"k' + i + '":0}') + ']')`)}`,
    'read',
  ],
])('%s stays small', (_, program, said) => {
  const result = run(program, 120);
  expect(result).toMatchObject({ status: 0, said });
  expect(result.rssMiB).toBeLessThan(290);
});
