/**
 * Between two cells a session of the wasm lane does nothing: whatever a cell left running has no processor, its memory counts, a timer
 * ends it, and no later cell answers for it. A cell's result is what its own process reported for that cell.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WASM_DIRECTORY } from '../../../../tests/lanes/wasm-lane.ts';
import { descendants } from '../native/process-tree.ts';
import type { Sandbox, SandboxJob, SandboxResult } from '../port.ts';
import { wasmLane } from './lane.ts';
import { prepareRuntime, startGuest } from './runtime.ts';
import { WasmSandbox } from './wasm-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await wasmLane.open({ directory: WASM_DIRECTORY, warm: 0, concurrency: 2 });
}, 120_000);
afterAll(() => sandbox.close());

type Language = 'python' | 'javascript';
let count = 0;

async function run(on: Sandbox, job: SandboxJob): Promise<SandboxResult> {
  for await (const event of on.run({ limits: { wallMs: 4_000 }, ...job })) if (event.type === 'result') return event.result;
  throw new Error('expected a result');
}

/** Begins a session whose state is `kept = 2`, and gives a way to run its further cells. */
async function begin(language: Language, on: Sandbox = sandbox): Promise<(code: string) => Promise<SandboxResult>> {
  count += 1;
  const id = `between-${count}`;
  let previousClaim: string | null = null;
  const cell = async (code: string): Promise<SandboxResult> => {
    const result = await run(on, { language, code, session: { id, previousClaim } });
    if (result.status !== 'rejected') previousClaim = result.claimDigest;
    return result;
  };
  await cell(language === 'python' ? 'kept = 2' : 'const kept = 2');
  return cell;
}

/** Processor time of all guests of this process, in clock ticks. */
function ticks(): number {
  let total = 0;
  for (const { pid } of descendants(process.pid)) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('guest/')) continue;
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      total += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended.
    }
  }
  return total;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Cells that come to an end and leave something that would go on. */
const LEFTOVERS: readonly [string, Language, string][] = [
  ['an interval behind an error', 'javascript', 'setInterval(() => {}, 1); throw new Error("x")'],
  [
    'a chain of promises behind an error',
    'javascript',
    'const again = () => Promise.resolve().then(() => setTimeout(again)); again(); throw new Error("x")',
  ],
  ['a rejection that comes later', 'javascript', "setTimeout(() => Promise.reject(new Error('later')), 5)"],
  [
    'an early end by event',
    'javascript',
    "EventTarget.prototype.dispatchEvent.call(globalThis, new Event('beforeunload')); setTimeout(() => {}, 20)",
  ],
  [
    'an early end by error event, and a timer',
    'javascript',
    "setTimeout(() => { for (;;); }, 50); EventTarget.prototype.dispatchEvent.call(globalThis, new Event('error'))",
  ],
  [
    'a listener on the end',
    'javascript',
    "EventTarget.prototype.addEventListener.call(globalThis, 'beforeunload', (event) => event.stopImmediatePropagation())",
  ],
  ['a deep recursion', 'javascript', 'const f = () => f(); f()'],
  [
    'a trap of wasm',
    'javascript',
    'new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,5,1,3,0,0,11))).exports.f()',
  ],
  [
    'replaced prototypes',
    'javascript',
    'Uint8Array.prototype.set = Array.prototype.push = Map.prototype.get = JSON.stringify = () => 0; Object.prototype.over = false',
  ],
  [
    'a task of asyncio',
    'python',
    'import asyncio\nasync def on():\n  while True: await asyncio.sleep(0)\nt = asyncio.ensure_future(on())',
  ],
  [
    'a callback of JavaScript',
    'python',
    'import js\nfrom pyodide.ffi import create_proxy\njs.setInterval(create_proxy(lambda: sum(range(100000))), 1)',
  ],
  ['sys.exit', 'python', 'import sys\nsys.exit(0)'],
  ['an error', 'python', '1 / 0'],
];

/** Cells after which the process is gone. */
const DEADLY: readonly [string, Language, string][] = [
  ['process.exit', 'javascript', 'process.exit(0)'],
  ['process.exit that is caught', 'javascript', 'try { process.exit(0) } catch {} for (;;);'],
  ['an endless loop', 'javascript', 'for (;;);'],
  ['endless promises', 'javascript', 'const f = () => Promise.resolve().then(f); await f()'],
  ['a full heap', 'javascript', 'const a = []; for (;;) a.push(new Array(1e6).fill(1.5))'],
  ['os._exit(0)', 'python', 'import os\nos._exit(0)'],
  ['os._exit(3)', 'python', 'import os\nos._exit(3)'],
  ['os.abort', 'python', 'import os\nos.abort()'],
  ['a fault in memory', 'python', 'import ctypes\nctypes.string_at(0xfffffff0)'],
  ['an endless loop', 'python', 'while True: pass'],
];

describe('a session between its cells', () => {
  it.each(LEFTOVERS)('%s (%s): nothing runs on, and the next cell is its own', async (_title, language, code) => {
    const cell = await begin(language);
    const left = await cell(code);
    expect(['ok', 'error']).toContain(left.status);
    await pause(50);
    const before = ticks();
    await pause(400);
    // One tick is 10 ms; nothing at all is what a stopped process uses.
    expect(ticks() - before).toBeLessThanOrEqual(1);
    const next = await cell('40 + kept');
    if (left.sessionLost !== undefined) expect([next.status, next.error?.name]).toEqual(['rejected', 'sandbox/session-lost']);
    else if (next.status === 'ok') expect(next.value).toBe('42');
    // What the cell broke stays broken for the next, which then says so.
    else expect([next.status, next.value]).toEqual([expect.stringMatching(/^(error|timeout|killed)$/), null]);
  });

  it.each(DEADLY)('%s (%s): the state is lost, and no later cell answers for it', async (_title, language, code) => {
    const cell = await begin(language);
    const died = await cell(code);
    expect(died.sessionLost).toMatch(/./);
    if (language === 'python') expect(died.status).not.toBe('ok');
    const after = await cell('1 + 1');
    expect([after.status, after.value, after.error?.name]).toEqual(['rejected', null, 'sandbox/session-lost']);
    const fresh = await run(sandbox, { language, code: '6 * 7', session: { id: `fresh-${count}`, previousClaim: null } });
    expect([fresh.status, fresh.value]).toEqual(['ok', '42']);
  });

  it('state that outgrew the limit is not kept', async () => {
    const cell = await begin('javascript');
    const code =
      'globalThis.kept2 = []; for (let i = 0; i < 700; i += 1) { const b = new Uint8Array(1 << 20).fill(1); kept2.push(b) }';
    const grown = await cell(code);
    expect(grown.status === 'oom' || grown.sessionLost !== undefined).toBe(true);
  });

  it('an idle one is ended by a timer, without being asked for', async () => {
    const runtime = await prepareRuntime(WASM_DIRECTORY);
    const lane = new WasmSandbox({
      capabilities: sandbox.capabilities,
      start: (flavour, memoryBytes) => startGuest(runtime, flavour, memoryBytes),
      concurrency: 1,
      warm: { javascript: 0, ethers: 0, python: 0 },
      sessionIdleMs: 200,
    });
    onTestFinished(() => lane.close());
    const seen = descendants(process.pid).length;
    const cell = await begin('javascript', lane);
    expect(descendants(process.pid).length).toBeGreaterThan(seen);
    await pause(600);
    expect(descendants(process.pid).length).toBe(seen);
    expect((await cell('kept')).error?.name).toBe('sandbox/session-lost');
  });
});
