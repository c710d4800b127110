/**
 * Ctrl-C ends `assay compare` at once, whatever its engines do: every process is gone, nothing is left in the folder for temporary files, and the exit
 * code says how far it came. The signal goes to the whole group of processes, as a terminal sends it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { type ModelServer, SMALL_RECIPE, startModelServer, zooOf } from '@assay/testing/model-zoo';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { engineFolder, isAtHand, SHARED, SMOLLM2 } from './models-at-hand.ts';

/** From the signal to the end of the process, milliseconds; loading or one ladder takes longer than that here. */
const AT_ONCE_MS = 10_000;
const MAIN = new URL('../../packages/assay/src/command-line/main.ts', import.meta.url).pathname;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly milliseconds: number;
}

describe.runIf(isAtHand(SMOLLM2))('a comparison that is interrupted', { timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-interrupted-'));
  const temporary = join(folder, 'tmp');
  let server: ModelServer;
  let runs = 0;

  beforeAll(async () => {
    for (const name of ['models', 'tmp']) mkdirSync(join(folder, name));
    symlinkSync(engineFolder(), join(folder, 'models', 'engine-3.22.1'));
    symlinkSync(join(SHARED, 'models', SMOLLM2.file), join(folder, 'large.gguf'));
    const zoo = zooOf(SMALL_RECIPE);
    writeFileSync(join(folder, 'base.gguf'), zoo.gguf(zoo.base));
    server = await startModelServer({ model: zoo.textModel('base', zoo.base) });
  }, 120_000);
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a comparison and interrupts it when `isTime` says so, given what was printed to standard error. */
  async function interrupted(args: readonly string[], isTime: (err: string) => boolean): Promise<Ended> {
    runs += 1;
    const command = ['compare', '--json', '--mode', 'quick', '--output-dir', `run-${runs}`, ...args];
    const child = spawn(process.execPath, ['--conditions=@assay/source', MAIN, ...command], {
      cwd: folder,
      env: { PATH: process.env.PATH, TMPDIR: temporary, ASSAY_DATA_DIR: folder, ASSAY_ATTESTER: 'simulated' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const said = { out: '', err: '' };
    child.stdout.on('data', (piece: Buffer) => {
      said.out += piece;
    });
    child.stderr.on('data', (piece: Buffer) => {
      said.err += piece;
    });
    const end = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    onTestFinished(() => void child.kill('SIGKILL'));
    await expect.poll(() => isTime(said.err), { timeout: 240_000, interval: 20 }).toBe(true);
    const begun = performance.now();
    process.kill(-pidOf(child), 'SIGINT');
    const code = await end;
    return { code, ...said, milliseconds: performance.now() - begun };
  }

  /** An address that answers the first questions only. */
  async function answering(questions: number): Promise<string> {
    let asked = 0;
    const front = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      if (request.method === 'POST') asked += 1;
      if (asked > questions) return;
      const url = new URL(request.url ?? '/', server.url);
      const body = request.method === 'POST' ? Buffer.concat(pieces) : null;
      const answer = await fetch(url, {
        method: request.method ?? 'GET',
        body,
        headers: { 'content-type': 'application/json' },
      });
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      front.closeAllConnections();
      front.close();
    });
    return `http://127.0.0.1:${(front.address() as AddressInfo).port}/v1`;
  }

  const engines = (): number => enginesIn(folder);
  const expectNothingLeft = async (): Promise<void> => {
    await expect.poll(engines, { timeout: 5000 }).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  };

  test.each<[string, string, (err: string) => boolean]>([
    ['while the engine loads', 'large.gguf', () => enginesIn(folder) > 0],
    ['while the engine measures its noise', 'large.gguf', (err) => err.includes('its twin')],
    [
      'while forms of the reference are measured',
      'base.gguf',
      (err) => err.includes('in the form') && readdirSync(temporary).length > 0,
    ],
  ])('%s', async (_, reference, isTime) => {
    const { code, out, milliseconds } = await interrupted(['--ref-model', reference, '--cand-model', server.url], isTime);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'cli/interrupted', kind: 'unavailable' } });
    expect(code).toBe(4);
    expect(milliseconds).toBeLessThan(AT_ONCE_MS);
    await expectNothingLeft();
  });

  test('while it waits for an answer: UNDECIDED, over a record that verifies', async () => {
    // The first question finds out what the address offers.
    const asked = ['--no-resolution', '--ref-model', 'base.gguf', '--cand-model', await answering(2)];
    const { code, out, milliseconds } = await interrupted(asked, (err) => err.includes('query 1 '));
    expect(JSON.parse(out)).toMatchObject({ verdict: 'UNDECIDED', reason: 'interrupted', queries: 1, failed: 0 });
    expect(code).toBe(7);
    expect(milliseconds).toBeLessThan(AT_ONCE_MS);
    await expectNothingLeft();
    const record = join(`run-${runs}`, 'comparison.json');
    const root = join(`run-${runs}`, 'log', 'simulated-root.pem');
    const io = transcript({ cwd: folder, now: Date.now(), env: {} });
    expect([await run(['verify', record, '--simulated-root', root], io), io.out()]).toEqual([
      0,
      expect.stringContaining('UNDECIDED'),
    ]);
  });
});

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process was not started');
  return pid;
}

/** Engine processes over the data directory `folder`. */
function enginesIn(folder: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      const isEngine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-process');
      return isEngine && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  }).length;
}
