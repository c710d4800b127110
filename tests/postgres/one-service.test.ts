/**
 * Two agents of their own processes on one database and one data directory, started at the same moment on a fresh machine, are one service:
 * each answers for what the other did, and when one is killed under load nothing acknowledged is lost.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifyBundle } from 'assay';
import { afterAll, expect, test } from 'vitest';
import { freshDatabase, HAS_POSTGRES } from './server.ts';

const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'assay-one-service-'));
const children: ChildProcess[] = [];
const undo: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  for (const each of undo) await each();
  rmSync(directory, { recursive: true, force: true });
});

interface Agent {
  readonly url: string;
  readonly child: ChildProcess;
}

async function startAgent(databaseUrl: string): Promise<Agent> {
  const child = spawn(process.execPath, ['--conditions=@assay/source', '--no-warnings', MAIN, 'serve'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      DATABASE_URL: databaseUrl,
      AI_PROVIDER: 'recorded',
      NO_COLOR: '1',
    },
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

async function write(url: string, content: string): Promise<string | null> {
  const body = JSON.stringify({ data: { type: 'file_write', path: '/tmp/a.txt', content } });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/process`, { method: 'POST', headers, body })
    .then((response) => response.json() as Promise<{ receipt_id?: string; success?: boolean }>)
    .catch(() => null);
  return answer?.success === true ? (answer.receipt_id ?? null) : null;
}

test.skipIf(!HAS_POSTGRES)('one service, also when one of the two is killed', { timeout: 180_000 }, async () => {
  const { url: databaseUrl, drop } = await freshDatabase();
  undo.push(drop);
  const [one, two] = await Promise.all([startAgent(databaseUrl), startAgent(databaseUrl)]);
  const status = (await (await fetch(`${two.url}/api/status`)).json()) as { store: { name: string } };
  expect(status.store.name).toBe('PostgreSQL');

  const acknowledged: string[] = [];
  let alive = true;
  const load = [one, two, one, two].map(async ({ url }) => {
    while (alive) {
      const receipt = await write(url, String(Math.random()));
      if (receipt !== null) acknowledged.push(receipt);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  while (acknowledged.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
  one.child.kill('SIGKILL');
  await once(one.child, 'exit');
  const before = acknowledged.length;
  while (acknowledged.length < before + 10) await new Promise((resolve) => setTimeout(resolve, 10));
  alive = false;
  await Promise.all(load);

  const trust = { simulatedRoot: readFileSync(join(directory, 'simulated-root.pem')) };
  for (const receipt of acknowledged) expect((await fetch(`${two.url}/v1/aci/receipts/${receipt}`)).status, receipt).toBe(200);
  const bytes = new Uint8Array(await (await fetch(`${two.url}/bundles/${acknowledged.slice(0, 30).join(',')}`)).arrayBuffer());
  const verdict = await verifyBundle(bytes, { trust });
  expect(verdict.outcome, JSON.stringify(verdict.error)).toBe('accepted');
  two.child.kill('SIGTERM');
  expect(await once(two.child, 'exit')).toEqual([0, null]);
});
