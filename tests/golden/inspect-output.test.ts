/** What `assay inspect` and the list of commands print, to the letter. `npx vitest run tests/golden -u` writes it again. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, fakeNitroDocument, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

let cwd = '';
const digest = (byte: string): string => `sha256:${byte.repeat(32)}`;

/** A receipt whose signature is none: `inspect` shows what a file says. */
const RECEIPT = {
  ...{ api_version: 'aci/1', receipt_id: 'rcpt_0123456789abcdef0123456789abcdef', chat_id: null, model: 'm', method: 'POST' },
  ...{ endpoint: '/api/process', served_at: FAKE_NOW / 1000, key_id: 'receipt-0123456789abcdef', signature: '00'.repeat(64) },
  workload_keyset_digest: digest('ab'),
  event_log: [
    { type: 'request.received', body_hash: digest('01') },
    { type: 'task.received', task_id: '1', task: 'ai_generate_and_execute', nonce: null },
    { type: 'model.called', provider: 'ollama', model: 'gemma3:4b', provenance: 'unverified', attempt: 1 },
    { type: 'code.generated', language: 'python', code_hash: digest('02'), source: 'model', attempt: 1 },
    {
      ...{ type: 'code.executed', language: 'python', code_hash: digest('02'), claim_hash: digest('03'), status: 'error' },
      ...{ lane: 'linux-ns', isolation: 'ns', stdout_hash: digest('04'), stderr_hash: digest('05'), exit_code: 1 },
      ...{ environment_hash: digest('06'), reproducibility: 'full', attempt: 1 },
    },
    { type: 'moon.reached', by: 'a later version' },
    { type: 'task.failed', code: 'task/failed', retries: 0 },
    { type: 'response.returned', body_hash: digest('07'), form: 'jcs-without-receipt' },
  ],
};

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-golden-inspect-'));
  await writeFile(join(cwd, 'receipt.json'), JSON.stringify(RECEIPT));
  await writeFile(join(cwd, 'result.json'), JSON.stringify({ generated_code: 'print(1)', retries_used: 0, receipt: RECEIPT }));
  await writeFile(join(cwd, 'nitro.cose'), (await fakeNitroDocument()).document);
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

const LINES: Readonly<Record<string, readonly string[]>> = {
  'inspect-receipt': ['inspect', 'receipt.json'],
  'inspect-result': ['inspect', 'result.json'],
  'policy-explain': ['policy', 'explain', 'strict'],
  'help-verify': ['help', 'verify'],
};

describe.each(Object.entries(LINES))('%s', (name, args) => {
  it.each([
    ['pipe', {}],
    ['columns-60', { columns: 60, env: { NO_COLOR: '1' } }],
  ] as const)('%s', async (reader, options) => {
    const io = transcript({ cwd, now: FAKE_NOW, ...options });
    const code = await run(args, io);
    await expect(`${io.out()}--- standard error\n${io.err()}--- exit ${code}\n`).toMatchFileSnapshot(`${name}.${reader}.txt`);
  });
});

it('evidence is shown in full by name and value, and marked', async () => {
  const io = transcript({ cwd, now: FAKE_NOW });
  expect(await run(['inspect', 'nitro.cose', '--verbose'], io)).toBe(0);
  expect(io.out()).toMatch(/^UNVERIFIED {2}nitro: what the bytes say, nothing was checked\n/);
  expect(io.out()).toMatch(/pcrs\.0 +(01){48}\n/);
});
