/**
 * Fifty audits in the queue of one agent, which is killed with SIGKILL in the middle: none is lost, none is done twice, and the memory of the
 * agent with all its processes stays bounded.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { analyzerFolder, compilersFolder } from './installed.ts';

const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));
const AUDITS = 50;
/** Done before the agent is killed. */
const BEFORE = 5;
/** Real memory of the agent and all below it, shared pages counted once. Bytes. */
const MOST_BYTES = 1_200_000_000;
const POLL_MS = 200;

let directory = '';
let compilers = '';
let analyzer = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-queued-'));
  compilers = await compilersFolder('0.8.24');
  analyzer = await analyzerFolder();
}, 600_000);

afterAll(() => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** An agent of its own process, from source. */
async function start(): Promise<{ url: string; child: ChildProcess }> {
  const env = {
    ...{ PATH: process.env.PATH, HOME: directory, AGENT_PORT: '0', ASSAY_DATA_DIR: directory, AI_PROVIDER: 'recorded' },
    ...{ ASSAY_COMPILERS_DIR: compilers, ASSAY_ANALYZER_DIR: analyzer, NO_COLOR: '1' },
  };
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const child = spawn(process.execPath, ['--conditions=@assay/source', '--no-warnings', MAIN, 'serve'], {
    env,
    stdio: [...stdio],
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

const source = (number: number): string =>
  `pragma solidity 0.8.24;\ncontract C${number} { uint256 public constant N = ${number}; }\n`;

async function submit(url: string, number: number): Promise<string> {
  const body = JSON.stringify({
    task_id: `audit-${number}`,
    data: { contract_code: source(number), lint: false, timeout: 600 },
  });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v1/audits`, { method: 'POST', headers, body });
  expect(response.status).toBe(202);
  return ((await response.json()) as { receipt_id: string }).receipt_id;
}

interface State {
  readonly status: string;
  readonly receipt_id: string;
}

async function states(url: string): Promise<readonly State[]> {
  const ids = Array.from({ length: AUDITS }, (_, number) => `audit-${number}`);
  return Promise.all(ids.map(async (id) => (await (await fetch(`${url}/api/v1/audits/${id}`)).json()) as State));
}

/** Asks until so many have ended; gives the largest memory that was seen. */
async function untilEnded(url: string, count: number, root: number): Promise<number> {
  let most = 0;
  for (;;) {
    most = Math.max(most, memoryBelow(root));
    const ended = (await states(url)).filter(({ status }) => !['queued', 'running', 'pending'].includes(status));
    if (ended.length >= count) return most;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function memoryBelow(root: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const parent = Number(/PPid:\s+(\d+)/.exec(read(`/proc/${name}/status`))?.[1] ?? 0);
    parents.set(Number(name), parent);
  }
  const isBelow = (id: number): boolean => id === root || (parents.has(id) && isBelow(parents.get(id) ?? 0));
  const bytes = [...parents.keys()].filter(isBelow).map((id) => {
    return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${id}/smaps_rollup`))?.[1] ?? 0) * 1024;
  });
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Nothing of a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('fifty queued audits survive the death of their agent', { timeout: 900_000 }, async () => {
  const first = await start();
  const receipts: string[] = [];
  for (let number = 0; number < AUDITS; number += 1) receipts.push(await submit(first.url, number));
  expect(new Set(receipts).size).toBe(AUDITS);
  const before = await untilEnded(first.url, BEFORE, Number(first.child.pid));
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await start();
  const after = await untilEnded(second.url, AUDITS, Number(second.child.pid));
  const ended = await states(second.url);
  expect(ended.map(({ status }) => status)).toEqual(Array(AUDITS).fill('succeeded'));
  expect(ended.map(({ receipt_id }) => receipt_id)).toEqual(receipts); // those that were promised, each once
  for (const [number, receipt] of receipts.entries()) {
    const answer = await fetch(`${second.url}/v1/aci/receipts/${receipt}`);
    expect(answer.status).toBe(200);
    const { event_log } = (await answer.json()) as { event_log: readonly { type: string }[] };
    expect(
      event_log.filter(({ type }) => type === 'contract.audited'),
      `audit-${number}`,
    ).toHaveLength(1);
  }
  if (process.platform === 'linux') for (const bytes of [before, after]) expect(bytes).toBeLessThan(MOST_BYTES);
  second.child.kill('SIGTERM');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
});
