/**
 * The whole agent killed with SIGKILL in the middle of work, three times over the same data directory: every receipt that was
 * acknowledged is there after the restart and verifies, the log only grows, and the task that was cut off shows as interrupted.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifyBundle } from 'assay';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));
const OPERATOR_KEY = 'operator-key-of-the-test';
let directory: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'assay-kill-'));
});

afterAll(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** An agent of its own process, from source. */
async function start(): Promise<{ url: string; child: ChildProcess }> {
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: directory,
    AI_PROVIDER: 'recorded',
    ASSAY_OPERATOR_KEY: OPERATOR_KEY,
    NO_COLOR: '1',
  };
  const child = spawn(process.execPath, ['--conditions=@assay/source', '--no-warnings', MAIN, 'serve'], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
      const found = /is up at (http:\/\/\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the agent did not start: ${said}`)));
  });
  return { url, child };
}

async function post(url: string, data: object, more: object = {}, query = ''): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/process${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data, ...more }),
  });
  return (await response.json()) as Record<string, unknown>;
}

const logSize = async (url: string): Promise<number> =>
  Number((await (await fetch(`${url}/log/checkpoint`)).text()).split('\n')[1]);

test('three kills under load', { timeout: 240_000 }, async () => {
  const acknowledged: string[] = [];
  let size = 0;
  let replaced = 0;
  for (let round = 1; round <= 3; round += 1) {
    const { url, child } = await start();
    expect(await logSize(url)).toBeGreaterThanOrEqual(size);
    for (const receipt of acknowledged) expect((await fetch(`${url}/bundles/${receipt}`)).status).toBe(200);

    const slow = await post(
      url,
      {
        type: 'execute',
        language: 'python',
        code: 'import time\ntime.sleep(60)',
        limits: { seconds: 90 },
        reproducible: false,
      },
      { task_id: `slow-${round}` },
      '?async=1',
    );
    expect(slow.status).toBe('running');
    let alive = true;
    const load = [1, 2, 3].map(async () => {
      while (alive) {
        const answer = await post(url, { type: 'file_write', path: '/tmp/a.txt', content: String(Math.random()) }).catch(
          () => null,
        );
        if (typeof answer?.receipt_id === 'string' && answer.success === true) acknowledged.push(answer.receipt_id);
      }
    });
    // Keys are replaced all the while, so that kills meet rotations at every step.
    const rotations = (async () => {
      while (alive) {
        const answer = await fetch(`${url}/api/operator/rotate-keys`, {
          method: 'POST',
          headers: { 'x-operator-key': OPERATOR_KEY },
          body: JSON.stringify({ overlap_seconds: 0 }),
        }).catch(() => null);
        if (answer?.ok === true) replaced += 1;
      }
    })();
    while (acknowledged.length < round * 10 || replaced < round) await new Promise((resolve) => setTimeout(resolve, 20));
    size = await logSize(url);
    child.kill('SIGKILL');
    await once(child, 'exit');
    alive = false;
    await Promise.all([...load, rotations]);
  }
  const { url, child } = await start();
  expect(await logSize(url)).toBeGreaterThanOrEqual(size);
  for (const receipt of acknowledged) expect((await fetch(`${url}/v1/aci/receipts/${receipt}`)).status).toBe(200);
  for (const round of [1, 2, 3]) {
    expect(await (await fetch(`${url}/api/tasks/slow-${round}`)).json()).toMatchObject({
      status: 'interrupted',
      code: 'task/interrupted',
    });
  }
  const trust = { simulatedRoot: readFileSync(join(directory, 'simulated-root.pem')) };
  for (const bundled of [acknowledged.slice(0, 30), acknowledged.slice(-30)]) {
    const bytes = new Uint8Array(await (await fetch(`${url}/bundles/${bundled.join(',')}`)).arrayBuffer());
    const verdict = await verifyBundle(bytes, { trust });
    expect(verdict.outcome, JSON.stringify(verdict.error)).toBe('accepted');
  }
  const { receipts } = (await (await fetch(`${url}/api/receipts?limit=200`)).json()) as { receipts: { state: string }[] };
  expect(receipts.filter(({ state }) => state === 'interrupted').length).toBeGreaterThanOrEqual(3);

  child.kill('SIGTERM'); // and a calm end is calm
  expect(await once(child, 'exit')).toEqual([0, null]);
});
