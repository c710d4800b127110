/**
 * What the agent gives back from its store costs memory for pieces, not for answers: bundles, files and results of tasks, many at once, to
 * readers that read nothing of them. What is read arrives whole.
 */

import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { authenticateBundle, type VerifyBundleOptions } from '@assay/receipt';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { HELD } from '../../packages/agent/src/http/held-memory.ts';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const MIB = 1024 * 1024;
const READERS = 24;
/** What the evidence is worth is not the question here. */
const verifyEvidence: VerifyBundleOptions<null>['verifyEvidence'] = async ({ report }) => ({
  reportData: report.statementDigest,
  claims: null,
});

let agent: RunningAgent;
/** One receipt of 4 MiB read, as text and as a file. */
let receipts: string[] = [];

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-slow-'));
  agent = await startAgent(
    parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' }),
  );
  receipts = [];
  await work({ type: 'file_write', path: '/tmp/a.txt', content: 'x'.repeat(4 * MIB) }, 'written');
  for (let i = 0; i < 6; i += 1) receipts.push(await work({ type: 'file_read', path: '/tmp/a.txt' }, `read-${i}`));
  return async () => {
    await agent.close(0);
    rmSync(directory, { recursive: true, force: true });
  };
});

async function work(data: object, id: string): Promise<string> {
  const answer = await fetch(`${agent.url}/api/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task_id: id, data }),
  });
  expect(answer.status).toBe(200);
  const { receipt_id } = (await answer.json()) as { receipt_id: string };
  return receipt_id;
}

const all = (): string => `/bundles/${receipts.join()}`;

/** Memory outside of the heap after everything that can go has gone, bytes. */
function held(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}

function stalled(path: string): Promise<Socket> {
  const socket = connect(Number(new URL(agent.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('readable', () => resolve(socket)); // the head has come; nothing is read
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  });
}

it.each<[string, () => string]>([
  ['a bundle of many large receipts', all],
  ['the answer of a task', () => '/api/tasks/read-0'],
  ['a bundle of one', () => `/bundles/${receipts[0]}`],
])('%s, to readers that read nothing', async (_, path) => {
  const before = held();
  await Promise.all(Array.from({ length: READERS }, () => stalled(path())));
  await sleep(300);
  // Pieces on their way are freed in the background; what is kept stays.
  await expect.poll(() => (held() - before) / MIB / READERS, { timeout: 10_000 }).toBeLessThan(1);
});

it('arrives whole, many times at once', async () => {
  const bundles = await Promise.all(
    Array.from({ length: 4 }, async () => new Uint8Array(await (await fetch(agent.url + all())).arrayBuffer())),
  );
  expect(new Set(bundles.map((bundle) => hash('sha256', bundle))).size).toBe(1);
  const { receipts: found } = await authenticateBundle(bundles[0]!, { verifyEvidence });
  expect(found).toHaveLength(6);
  const task = (await (await fetch(`${agent.url}/api/tasks/read-3`)).json()) as {
    result: { data: { content: string }; receipt: { receipt_id: string } };
  };
  expect(task.result.data.content).toHaveLength(4 * MIB);
  expect(task.result.receipt.receipt_id).toBe(receipts[3]);
});

it('holds nothing for readers that went away, or asked for the head alone', async () => {
  const head = await fetch(agent.url + all(), { method: 'HEAD' });
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(32 * MIB);
  const leaving = await Promise.all(Array.from({ length: 4 }, () => stalled(all())));
  for (const socket of leaving) socket.destroy();
  await expect.poll(() => HELD.answer.used, { timeout: 5000 }).toBe(0);
});
