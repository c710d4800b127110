/** Guests that lie, stay silent or never start, as real deno processes with programs of this test; and a lane that is closed or full. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectAdvice, expectRefusal } from '@assay/testing';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { SandboxJob, SandboxResult } from '../port.ts';
import { BASE_MEMORY, GuestProcess } from './guest-process.ts';
import { MESSAGE } from './messages.ts';
import { findRuntimeFiles } from './runtime-files.ts';
import { WasmSandbox } from './wasm-sandbox.ts';
import { wantedWheels } from './wheels.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-hostile-guests-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const files = findRuntimeFiles();
const FRAMES = new URL('../frames.ts', import.meta.url).href;

/** A lane whose guests run `program`, which has `send(type, head, body)` and `next()` for the type of the next frame. */
function laneOf(program: string): WasmSandbox {
  const script = join(directory, `${Math.random().toString(36).slice(2)}.ts`);
  writeFileSync(
    script,
    `import { encodeFrame, FrameReader } from '${FRAMES}';
const M = ${JSON.stringify(MESSAGE)};
const send = (type: number, head: any = null, body?: Uint8Array) => Deno.stdout.writeSync(encodeFrame(type, head, body));
const reader = new FrameReader();
const frames: number[] = [];
const chunk = new Uint8Array(65536);
/** What the end of the cell must name. */
let cell = '';
const next = (): number => {
  while (frames.length === 0) {
    const count = Deno.stdin.readSync(chunk);
    if (count === null) Deno.exit(0);
    for (const { type, head } of reader.push(chunk.slice(0, count))) {
      if (type === M.job) cell = String(head.cell);
      frames.push(type);
    }
  }
  return frames.shift()!;
};
${program}
`,
  );
  const config = {
    ...{ acorn: null, ethers: null, preload: false, pyodide: null, snapshot: null, wheels: null },
    ...{ frontEnd: [], memoryPages: 1024 },
  };
  const lane = new WasmSandbox({
    capabilities: {
      ...{ lane: 'wasm', isolation: 'wasm', languages: ['javascript'], packages: {}, selfTest: [] },
      ...{ environment: {}, environmentDigest: '00'.repeat(32) },
    },
    start: (_flavour, memoryBytes) =>
      new GuestProcess({
        ...{ deno: files.deno.path, script, config, reads: [], memoryBytes, baseBytes: BASE_MEMORY.javascript },
      }),
    concurrency: 2,
    warm: { javascript: 0, ethers: 0, python: 0 },
  });
  onTestFinished(() => lane.close());
  return lane;
}

async function run(lane: WasmSandbox, more: Partial<SandboxJob> = {}): Promise<SandboxResult> {
  for await (const event of lane.run({ language: 'javascript', code: '1', ...more })) {
    if (event.type === 'result') return event.result;
  }
  throw new Error('expected a result');
}

const HONEST_START = 'send(M.ready);\nwhile (next() !== M.stdin);\n';

describe('sandbox/protocol', () => {
  test.each<readonly [string, string, readonly string[]]>([
    ['a frame of no known type', 'send(77);', ['unknown type 77', 'treat the code as hostile']],
    ['bytes that are no frames', 'Deno.stdout.writeSync(new Uint8Array(4096).fill(255));', ['broke the protocol', 'hostile']],
    [
      'a head that is no JSON',
      'Deno.stdout.writeSync(Uint8Array.of(0, 0, 0, 6, 17, 0, 0, 0, 1, 0x7b));',
      ['broke the protocol'],
    ],
    [
      'an end that names no cell',
      "send(M.done, { exitCode: 0, value: 'forged', error: null, over: false });",
      ['forged the end'],
    ],
    [
      'an end that names another cell',
      "send(M.done, { cell: '00', exitCode: 0, value: 'forged', over: false });",
      ['forged the end'],
    ],
    ['a flood of empty frames', 'for (;;) send(M.stdout);', ['flooded the host']],
    [
      'a flood of requests',
      "for (;;) send(M.fetch, { method: 'GET', url: 'http://127.0.0.1:1/', headers: {} });",
      ['more than 4096 requests'],
    ],
  ])('%s', { timeout: 30_000 }, async (_, program, words) => {
    const { status, error } = await run(laneOf(`${HONEST_START}${program}\nfor (;;) next();`), {
      limits: { outputBytes: 1024, wallMs: 20_000 },
    });
    expect([status, error?.name]).toEqual(['killed', 'sandbox/protocol']);
    expectAdvice(error?.message ?? '', words);
  });
});

test.each<readonly [string, string, readonly string[]]>([
  ['it throws', "throw new Error('no engine here')", ['before it was ready', 'no engine here', 'assay doctor']],
  ['it ends at once', 'Deno.exit(3)', ['before it was ready (3)', 'assay doctor']],
  ['it kills itself with garbage', 'Deno.stdout.writeSync(new Uint8Array(4096).fill(255)); for (;;) next();', ['SIGKILL']],
])('sandbox/start-failed: %s', async (_, program, words) => {
  const { status, error, exitCode } = await run(laneOf(program));
  expect([status, error?.name, exitCode]).toEqual(['rejected', 'sandbox/start-failed', null]);
  expectAdvice(error?.message ?? '', words);
});

test('sandbox/closed: a job for a lane that was closed', async () => {
  const lane = laneOf(HONEST_START);
  await lane.close();
  const { status, error } = await run(lane);
  expect([status, error?.name]).toEqual(['rejected', 'sandbox/closed']);
  expectAdvice(error?.message ?? '', ['closed', 'open a new one']);
});

test('sandbox/busy: a cell of a session that still runs another', async () => {
  const answerOnce =
    "send(M.done, { cell, over: false, exitCode: 0, value: '1', error: null, diskFull: false });\nfor (;;) next();";
  const lane = laneOf(HONEST_START + answerOnce);
  const first = await run(lane, { session: { id: 's-1', previousClaim: null } });
  expect(first.status).toBe('ok');
  const stop = new AbortController();
  const session = { id: 's-1', previousClaim: first.claimDigest };
  const second = run(lane, { session, signal: stop.signal });
  const { status, error } = await run(lane, { session });
  expect([status, error?.name]).toEqual(['rejected', 'sandbox/busy']);
  expectAdvice(error?.message ?? '', ['still running', 'wait for it']);
  stop.abort();
  expect((await second).error?.name).toBe('sandbox/cancelled');
});

test('sandbox/session-lost: a guest that writes after the end of its cell, at once or later', async () => {
  const end = "send(M.done, { cell, over: false, exitCode: 0, value: '1', error: null, diskFull: false });";
  for (const more of [
    'send(M.stdout, null, new Uint8Array(1));',
    end,
    'setTimeout(() => send(M.stdout), 100); await new Promise(() => {});',
  ]) {
    const lane = laneOf(`${HONEST_START}${end}\n${more}\nfor (;;) next();`);
    const first = await run(lane, { session: { id: 's-1', previousClaim: null } });
    expect([first.status, first.value]).toEqual(['ok', '1']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status, error } = await run(lane, {
      session: { id: 's-1', previousClaim: first.claimDigest },
      limits: { wallMs: 1000 },
    });
    expect(status).not.toBe('ok');
    expect(error?.name).toMatch(/^sandbox\/(session-lost|timeout|protocol|killed)$/);
  }
});

test('sandbox/package-unavailable: a package that pyodide does not have', async () => {
  expect(wantedWheels(files, ['numpy']).map(({ name }) => name)).toContain('numpy');
  const words = ['no package left-pad', 'ask for another'];
  await expectRefusal(() => wantedWheels(files, ['numpy', 'left-pad']), 'sandbox/package-unavailable', words);
});
