/** Compilers of an agent: installed by their integrity, run in processes that end when they take too long, too much, or break. */

import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compilerText, parseCompilerOutput, standardInput } from '@assay/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { installCompiler } from '../../packages/agent/src/adapters/compilers/install.ts';
import { installedCompilers } from '../../packages/agent/src/adapters/compilers/store.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { compilersFolder } from './installed.ts';

const VERSIONS = ['0.4.26', '0.5.17', '0.8.24'] as const;
const SOURCE = 'pragma solidity >=0.4.0; contract A { uint public x; }';
const text = compilerText(standardInput({ 'A.sol': SOURCE }));
/** Takes a compiler a second or more. */
const long = compilerText(
  standardInput({
    'L.sol': `contract L { ${Array.from({ length: 400 }, (_, i) => `function f${i}(uint a) public pure returns (uint) { return a * ${i} + a / ${i + 1}; }`).join(' ')} }`,
  }),
);

let folder = '';
let work = '';
const opened: Compilers[] = [];

beforeAll(async () => {
  folder = await compilersFolder(...VERSIONS);
  work = mkdtempSync(join(tmpdir(), 'assay-compilers-'));
}, 300_000);
afterEach(async () => {
  for (const compilers of opened.splice(0)) await compilers.close();
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function open(more: object = {}, at = folder): Compilers {
  const compilers = openCompilers({ folder: at, ...more });
  opened.push(compilers);
  return compilers;
}

const request = (version: string, input = text, wallMs = 60_000, signal = new AbortController().signal) => ({
  version,
  input,
  wallMs,
  signal,
});

describe('compiling', () => {
  it.each(VERSIONS)('%s answers in standard JSON, also the second time', async (version) => {
    const compilers = open();
    for (let time = 0; time < 2; time++) {
      const output = parseCompilerOutput(await compilers.compile(request(version)));
      expect(output.contracts.map(({ name, creation }) => [name, creation.object.startsWith('60')])).toEqual([['A', true]]);
    }
  });

  it('compiles nothing twice', async () => {
    const compilers = open();
    const output = await compilers.compile(request('0.8.24', long));
    // No compiler is done with this within a millisecond.
    expect(await compilers.compile(request('0.8.24', long, 1))).toBe(output);
    await expect(compilers.compile(request('0.8.24', `${long} `, 1))).rejects.toMatchObject({ code: 'compiler/timeout' });
  });

  it('keeps several inputs apart', async () => {
    const compilers = open({ concurrency: 2 });
    const names = ['B', 'C', 'D', 'E'];
    const outputs = await Promise.all(
      names.map((name) =>
        compilers.compile(request('0.8.24', compilerText(standardInput({ [`${name}.sol`]: `contract ${name} {}` })))),
      ),
    );
    expect(outputs.map((output) => parseCompilerOutput(output).contracts[0]?.name)).toEqual(names);
  });

  it.each([
    ['compiler/unknown', () => open().compile(request('0.8.1'))],
    ['compiler/timeout', () => open().compile(request('0.8.24', long, 1))],
    ['compiler/too-large', () => open({ memoryBytes: 1024 * 1024 }).compile(request('0.8.24', long))],
    [
      'task/cancelled',
      () =>
        open().compile(
          request('0.8.24', long, 60_000, AbortSignal.abort(Object.assign(new Error('x'), { code: 'task/cancelled' }))),
        ),
    ],
  ])('%s', async (code, compile) => {
    await expect(compile()).rejects.toMatchObject({ code });
  });

  it('goes on after one that was ended', async () => {
    const compilers = open();
    await expect(compilers.compile(request('0.8.24', long, 1))).rejects.toMatchObject({ code: 'compiler/timeout' });
    expect(parseCompilerOutput(await compilers.compile(request('0.8.24'))).contracts).toHaveLength(1);
  });

  it('takes no more than fits, and says when to come again', async () => {
    const compilers = open({ concurrency: 1 });
    const stop = new AbortController();
    const all = Array.from({ length: 66 }, () =>
      compilers.compile(request('0.8.24', text, 60_000, stop.signal)).then(
        () => 'done',
        (error) => error.code ?? 'stopped',
      ),
    );
    expect(await all.at(-1)).toBe('server/busy');
    stop.abort();
    await Promise.all(all);
  });
});

describe('installing', () => {
  function archive(content: string | null): string {
    const at = mkdtempSync(join(work, 'package-'));
    mkdirSync(join(at, 'package'));
    writeFileSync(join(at, 'package', content === null ? 'other.js' : 'soljson.js'), content ?? '');
    execFileSync('tar', ['-czf', join(at, 'p.tgz'), '-C', at, 'package']);
    return join(at, 'p.tgz');
  }

  const OTHER = "module.exports = { _solidity_version: 1, _solidity_compile: 1, cwrap: () => () => '0.1.2+commit.0' };";

  it.each([
    ['compiler/bad-version', '8', () => undefined],
    ['compiler/bad-version', '0.4.11', () => undefined],
    ['compiler/bad-version', '../../etc', () => undefined],
    ['compiler/download-failed', '0.8.999', () => archive(null)],
    ['compiler/crashed', '0.8.999', () => archive('process.exit(3)')],
    ['compiler/tampered', '0.8.999', () => archive(OTHER)],
    ['compiler/tampered', '0.8.24', () => archive(OTHER)],
  ])('%s for %s', async (code, version, packed) => {
    await expect(installCompiler(join(work, 'none'), version, { archive: packed() })).rejects.toMatchObject({ code });
    expect(installedCompilers(join(work, 'none'))).toEqual([]);
  });

  it('says what is there, newest first', () => {
    const found = installedCompilers(folder).map(({ version }) => version);
    expect(found.indexOf('0.8.24')).toBeLessThan(found.indexOf('0.4.26'));
    expect(installedCompilers(join(work, 'nowhere'))).toEqual([]);
  });

  it('does not start a compiler whose file was changed', async () => {
    const changed = join(work, 'changed');
    cpSync(join(folder, '0.4.26'), join(changed, '0.4.26'), { recursive: true });
    appendFileSync(join(changed, '0.4.26', 'soljson.js'), '\n');
    await expect(open({}, changed).compile(request('0.4.26'))).rejects.toMatchObject({ code: 'compiler/tampered' });
    writeFileSync(join(changed, '0.4.26', 'manifest.json'), '{}');
    expect(() => installedCompilers(changed)).toThrow(expect.objectContaining({ code: 'compiler/tampered' }));
  });
});
