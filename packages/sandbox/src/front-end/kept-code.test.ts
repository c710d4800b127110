/** The code that V8 made of the JavaScript runner is taken by V8 in a cell, and a cell works without it. */

import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { beforeAll, expect, test } from 'vitest';
import { decodeFrame, encodeFrame } from '../frames.ts';
import { FRAME } from '../native/cell.ts';
import { nodeCommand } from '../native/layout.ts';
import { RUNNERS } from '../runners.ts';
import { joinedRunner } from './joined-runner.ts';
import { keptCode } from './kept-code.ts';

const command = nodeCommand(process.execPath);
let folder = '';
let code: Uint8Array;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assay-kept-'));
  code = await keptCode(command, joinedRunner());
  writeFileSync(join(folder, 'runner.js'), joinedRunner());
  writeFileSync(join(folder, 'runner.code'), code);
  copyFileSync(join(RUNNERS, 'javascript', 'start.cjs'), join(folder, 'start.cjs'));
  return () => rmSync(folder, { recursive: true, force: true });
});

/** What V8 says of the code, in a process as a cell is. */
function rejected(of: Uint8Array): string {
  writeFileSync(join(folder, 'tried.code'), of);
  const asks = `const fs = require('node:fs'), vm = require('node:vm');
const script = new vm.Script(fs.readFileSync('runner.js', 'latin1'), { filename: 'runner.js', cachedData: fs.readFileSync('tried.code') });
process.stdout.write(String(script.cachedDataRejected));`;
  writeFileSync(join(folder, 'asks.cjs'), asks);
  const [node = '', ...options] = command;
  return execFileSync(node, [...options, join(folder, 'asks.cjs')], { cwd: folder, env: {}, encoding: 'utf8' });
}

test('V8 takes it, and nothing else for it', () => {
  expect(code.length).toBeGreaterThan(100_000);
  expect(rejected(code)).toBe('false');
  expect(rejected(new Uint8Array(0))).toBe('true');
  expect(rejected(code.subarray(0, 1000))).toBe('true');
});

/** The report of a program that a cell ran, started by hand. */
async function reportOf(program: string): Promise<Readonly<Record<string, unknown>>> {
  const [node = '', ...options] = command;
  const child = spawn(node, [...options, join(folder, 'start.cjs')], {
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const control = child.stdio[3] as Writable & NodeJS.ReadableStream;
  control.write(encodeFrame(FRAME.job, { argv: [], cell: 'a', fence: '' }, Buffer.from(program)));
  let bytes = Buffer.alloc(0);
  for await (const part of control) bytes = Buffer.concat([bytes, part as Buffer]);
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const { type, head } = decodeFrame(bytes.subarray(at + 4, at + 4 + length));
    if (type === FRAME.done) return head;
    at += 4 + length;
  }
  throw new Error(`expected a report, got ${bytes.length} bytes without one`);
}

test.each([
  ['with the code', () => code],
  ['with no code', () => new Uint8Array(0)],
  ['with half of the code', () => code.subarray(0, code.length >> 1)],
])('a cell answers %s', async (_, of) => {
  writeFileSync(join(folder, 'runner.code'), of());
  expect(await reportOf('const a = await 41; a + 1')).toMatchObject({ value: '42', error: null, exitCode: 0 });
});

test('is empty where Node does not start', async () => {
  expect(await keptCode([join(folder, 'no-node')], joinedRunner())).toHaveLength(0);
  expect(await keptCode(command, 'throw new Error()')).toHaveLength(0);
});
