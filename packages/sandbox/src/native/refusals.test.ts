/** Native lanes that are closed, full or cannot start: cells that are real processes of this machine, without any namespace. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../frames.ts';
import { DEFAULT_LIMITS, type SandboxCapabilities } from '../port.ts';

import { Turns } from '../turns.ts';
import { type Cell, type CellEnd, FRAME } from './cell.ts';
import { NativeSandbox } from './native-sandbox.ts';
import { waitUntilReady } from './ready.ts';
import { Sessions } from './sessions.ts';
import { UserIds } from './user-ids.ts';

/** A launcher that runs `program` and speaks on descriptor 3. */
function launch(program: string) {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit').then(([exitCode, signal]): CellEnd => ({ exitCode, signal }));
  const [, , stderr, control] = child.stdio as unknown as [null, null, Readable, Readable];
  return { control, stderr, ended, kill: () => child.kill('SIGKILL') };
}

const writes = (bytes: Uint8Array): string =>
  `require('node:fs').writeSync(3, Buffer.from('${Buffer.from(bytes).toString('hex')}', 'hex')); setInterval(() => {}, 1e6);`;

describe('sandbox/start-failed', () => {
  test('a launcher that says ready is none of them', async () => {
    const cell = launch(writes(encodeFrame(FRAME.ready, null)));
    await expect(waitUntilReady(cell)).resolves.toBeUndefined();
    cell.kill();
  });

  test.each<readonly [string, string, readonly string[]]>([
    [
      'it ends at once',
      "console.error('bwrap: no permission'); process.exit(7)",
      ['ended at once (7)', 'bwrap: no permission'],
    ],
    ['it is killed', "process.kill(process.pid, 'SIGKILL')", ['ended at once (SIGKILL)']],
    ['it says something else', writes(encodeFrame(FRAME.done, null)), ['did not say ready']],
    ['it speaks no frames', writes(new Uint8Array(64).fill(255)), ['did not start']],
  ])('%s', async (_, program, words) => {
    const cell = launch(program);
    await expectRefusal(waitUntilReady(cell), 'sandbox/start-failed', [...words, 'assay doctor']);
    cell.kill();
  });
});

describe('sandbox/busy', () => {
  test('more jobs wait than may', async () => {
    const turns = new Turns(1);
    const leave = await turns.take(undefined);
    const waiting = Array.from({ length: 256 }, () => turns.take(undefined));
    await expectRefusal(turns.take(undefined), 'sandbox/busy', ['at most 256 jobs waiting', 'try again later']);
    leave();
    for (const turn of waiting) (await turn)();
    await expect(turns.take(undefined)).resolves.toBeTypeOf('function');
  });

  /** A cell that lives until it is disposed of. */
  const idleCell = (): Cell => {
    const cell: Pick<Cell, 'ended' | 'dispose'> = { ended: new Promise(() => {}), dispose: async () => {} };
    return cell as Cell;
  };

  test('the session runs another cell', async () => {
    const sessions = new Sessions();
    const held = await sessions.claim({ id: 's-1', previousClaim: null }, async () => idleCell());
    const again = sessions.claim({ id: 's-1', previousClaim: null }, async () => idleCell());
    await expectRefusal(again, 'sandbox/busy', ['runs another cell', 'wait for its result']);
    held.settle('claim-1');
    held.leave();
    await expect(sessions.claim({ id: 's-1', previousClaim: 'claim-1' }, async () => idleCell())).resolves.toBeDefined();
    await sessions.close();
  });

  test('the session is only starting', async () => {
    const sessions = new Sessions();
    let started: (cell: Cell) => void = () => {};
    const first = sessions.claim({ id: 's-1', previousClaim: null }, () => new Promise((resolve) => (started = resolve)));
    const second = sessions.claim({ id: 's-1', previousClaim: null }, async () => idleCell());
    await expectRefusal(second, 'sandbox/busy', ['is starting', 'wait for its first result']);
    started(idleCell());
    (await first).leave();
    await sessions.close();
  });

  test('every session is at work', async () => {
    const sessions = new Sessions();
    const begin = (id: number) => sessions.claim({ id: `s-${id}`, previousClaim: null }, async () => idleCell());
    for (let id = 0; id < 16; id += 1) await begin(id);
    await expectRefusal(begin(16), 'sandbox/busy', ['at most 16 sessions', 'try again later']);
    await sessions.close();
  });

  test('every user id is taken', async () => {
    const ids = new UserIds();
    const taken = Array.from({ length: 256 }, () => ids.take());
    expect(new Set(taken).size).toBe(256);
    await expectRefusal(() => ids.take(), 'sandbox/busy', ['at most 256 sandboxes', 'try again later']);
    ids.give(taken[7] ?? 0);
    expect(ids.take()).toBe(taken[7]);
  });
});

test('sandbox/closed: a job for a lane that was closed', async () => {
  const starts: string[] = [];
  const capabilities: SandboxCapabilities = {
    ...{ lane: 'linux-ns', isolation: 'ns', languages: ['python'], packages: {}, selfTest: [] },
    ...{ environment: {}, environmentDigest: '00'.repeat(32) },
  };
  const sandbox = new NativeSandbox({
    capabilities,
    factory: {
      kinds: ['python'],
      defaults: DEFAULT_LIMITS,
      start: async (kind) => {
        starts.push(kind);
        throw new Error('not to be started');
      },
      close: async () => {},
    },
    ...{ concurrency: 1, warm: 0, release: async () => {} },
  });
  await sandbox.close();
  const job = sandbox.run({ language: 'python', code: '1' }).next();
  await expectRefusal(job, 'sandbox/closed', ['closed', 'open a new one']);
  expect(starts).toEqual([]);
});
