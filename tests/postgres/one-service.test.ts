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
import { connect, verifyBundle } from 'assay';
import { afterAll, expect, test } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { freshDatabase, HAS_POSTGRES } from './server.ts';

const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'assay-one-service-'));
const children: ChildProcess[] = [];
const undo: (() => Promise<void>)[] = [];
const ROOT = join(directory, 'simulated-root.pem');

/** Runs a command line here. */
async function command(args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const said: string[] = [];
  const io: Io = {
    stdin: () => Promise.reject(new Error('no input')),
    stdout: (text) => void said.push(text),
    stderr: (text) => void said.push(text),
    cwd: directory,
    env: {},
    fetch: globalThis.fetch,
    now: Date.now,
    columns: null,
    interactive: false,
    signal: new AbortController().signal,
  };
  return { code: await run(args, io), said: said.join('') };
}

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

const sleeper = {
  task_id: 'sleeper',
  data: {
    type: 'execute',
    language: 'python',
    code: "import time\nprint('begun', flush=True)\ntime.sleep(120)",
    limits: { seconds: 150 },
  },
};

/** README's commands work against either agent; a task that one began is watched and cancelled through the other; sealed bytes find their agent. */
async function sharedWork(one: Agent, two: Agent): Promise<void> {
  for (const { url } of [one, two]) {
    const out = join(directory, `out-${new URL(url).port}`);
    const ran = await command([
      'run',
      'Calculate the factorial of 10 and print the result',
      '--save',
      out,
      '--url',
      url,
      '--simulated-root',
      ROOT,
    ]);
    expect([ran.code, ran.said.includes('3628800')], ran.said).toEqual([0, true]);
    const verified = await command(['verify', join(out, 'bundle.json'), '--simulated-root', ROOT]);
    expect(verified.code, verified.said).toBe(0);
  }
  const started = await fetch(`${one.url}/api/process?async=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sleeper),
  });
  expect(started.status).toBe(202);
  const { receipt_id } = (await started.json()) as { receipt_id: string };
  const seen: string[] = [];
  const events = await fetch(`${two.url}/api/tasks/sleeper/events`);
  let cancelled: Promise<Response> | null = null;
  for await (const piece of events.body!.pipeThrough(new TextDecoderStream())) {
    seen.push(piece);
    if (cancelled === null && seen.join('').includes('event: stdout')) {
      expect(await (await fetch(`${two.url}/api/tasks/sleeper?brief=1`)).json()).toMatchObject({
        status: 'running',
        receipt_id,
      });
      cancelled = fetch(`${two.url}/api/tasks/sleeper`, { method: 'DELETE' });
    }
  }
  expect((await cancelled!).status).toBe(202);
  expect(seen.join('')).toMatch(/begun[\s\S]*event: done\ndata: .*"cancelled"/);
  const fetched = (await (await fetch(`${two.url}/api/tasks/sleeper`)).json()) as { status: string; result: object };
  expect(fetched).toMatchObject({ status: 'cancelled', result: { error_code: 'task/cancelled', receipt_id } });

  // As behind a load balancer: the report comes from one agent, every sealed request goes to the other.
  const crossed = (async (input, init) => {
    const request = new Request(input, init);
    const to = request.method === 'POST' ? two.url : one.url;
    return fetch(new Request(request.url.replace(one.url, to), request));
  }) as typeof fetch;
  const agent = await connect(one.url, { trust: { simulatedRoot: readFileSync(ROOT) }, fetch: crossed });
  const answer = await agent.fetch(`${one.url}/api/status`);
  expect(await answer.json()).toMatchObject({ keyset_digest: agent.attested.report.keysetDigest });
  const fleet = (await (await fetch(`${two.url}/api/receipts?search=fleet`)).json()) as {
    receipts: readonly { receipt_id: string }[];
  };
  const named = JSON.stringify(await (await fetch(`${one.url}/bundles/${fleet.receipts[0]!.receipt_id}`)).json());
  expect(named).toContain('fleet.listed');
}

test.skipIf(!HAS_POSTGRES)('one service, also when one of the two is killed', { timeout: 180_000 }, async () => {
  const { url: databaseUrl, drop } = await freshDatabase();
  undo.push(drop);
  const [one, two] = await Promise.all([startAgent(databaseUrl), startAgent(databaseUrl)]);
  const status = (await (await fetch(`${two.url}/api/status`)).json()) as { store: { name: string } };
  expect(status.store.name).toBe('PostgreSQL');

  await sharedWork(one, two);
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
