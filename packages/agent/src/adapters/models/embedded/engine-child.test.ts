/** Starts of the engine's process that come to nothing: each ends with a coded error or the signal's reason, and leaves no process behind. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type EngineStart, startEngine } from './engine-child.ts';

const engine = mkdtempSync(join(tmpdir(), 'assay-engine-child-'));
const library = join(engine, 'node_modules', 'node-llama-cpp', 'dist');
const pidFile = join(engine, 'pid');

beforeEach(() => rmSync(pidFile, { force: true }));
afterAll(() => rmSync(engine, { recursive: true, force: true }));

/** Starts a process whose library of the engine does this when it is loaded. */
function start(does: string, more: Partial<EngineStart> = {}): ReturnType<typeof startEngine> {
  mkdirSync(library, { recursive: true });
  writeFileSync(
    join(library, 'index.js'),
    `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(pidFile)}, String(process.pid));\n${does}`,
  );
  const file = join(engine, 'model.gguf');
  writeFileSync(file, 'a model');
  return startEngine({ engine, file, contextTokens: 512, batchTokens: 128, ...more });
}

const HANGS = 'await new Promise((resolve) => setTimeout(resolve, 600_000));';

/** Resolves to the process's id when its library is loaded. */
async function loading(): Promise<number> {
  await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', { timeout: 60_000 }).toBe(true);
  return Number(readFileSync(pidFile, 'utf8'));
}

/** Engine processes that this one started: one that is ended early writes no id. */
function processesHere(): readonly number[] {
  return readdirSync('/proc')
    .filter((pid) => /^[0-9]+$/.test(pid))
    .filter((pid) => {
      try {
        const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-process');
      } catch {
        return false; // it ended meanwhile
      }
    })
    .map(Number);
}

const expectGone = (pid: number): Promise<void> =>
  expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false);

test.each([
  [
    'ends while it loads',
    'process.exit(3);',
    /^the engine process ended with code 3; it is started again with the next prompt$/,
  ],
  ['is killed while it loads', "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});", /ended by SIGKILL; it is/],
  [
    'has a library that throws',
    "throw new Error('no such symbol');",
    /^the engine failed: no such symbol; start the agent again/,
  ],
])('a process that %s', { timeout: 120_000 }, async (_, does, message) => {
  await expect(start(does)).rejects.toMatchObject({ code: 'model/engine-failed', message: expect.stringMatching(message) });
  await expectGone(await loading());
});

test('a process that takes too long is ended', { timeout: 120_000 }, async () => {
  const started = start(HANGS, { loadMs: 1 });
  const [pid, ...others] = processesHere();
  expect([pid, others]).toEqual([expect.any(Number), []]);
  await expect(started).rejects.toMatchObject({
    code: 'model/engine-failed',
    message: expect.stringContaining('was not loaded within'),
  });
  await expectGone(pid!);
});

test('a signal ends the process while it loads; Ctrl-C in a terminal does not reach it by itself', {
  timeout: 120_000,
}, async () => {
  const stop = new AbortController();
  const started = expect(start(HANGS, { signal: stop.signal })).rejects.toThrow('enough');
  const pid = await loading();
  const [, group] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(1, 3) ?? [];
  expect(group).toBe(String(pid));
  stop.abort(new Error('enough'));
  await started;
  await expectGone(pid);
  await expect(start(HANGS, { signal: stop.signal })).rejects.toThrow('enough');
});
