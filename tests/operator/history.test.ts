/** `assay variables`: set on the command line, fetched as a history, rechecked offline; a history that was tampered with is refused. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HistoryReceipt, recheckHistory } from '@assay/operator';
import { expectRefusal, transcript } from '@assay/testing';
import { verifyBundle } from 'assay';
import { expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import {
  API_KEY,
  COMPATIBLE,
  LEGACY_SIGNATURE,
  OWNER_ADDRESSES,
  type OwnedAgent,
  signedBy,
  startOwnedAgent,
} from './owned-agent.ts';

async function command(
  agent: OwnedAgent,
  args: readonly string[],
  stdin = '',
): Promise<{ code: number; out: string; err: string }> {
  const io = transcript({
    cwd: agent.directory,
    now: Date.now(),
    env: { ASSAY_URL: agent.url, ASSAY_API_KEY: API_KEY },
    fetch: globalThis.fetch,
    stdin: new TextEncoder().encode(stdin),
  });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

const ROOT = ['--simulated-root', 'data/simulated-root.pem'];

test('owners set, sign, send and recheck', { timeout: 120_000 }, async () => {
  const agent = await startOwnedAgent();
  for (const [index, byte] of ['22', '33', '55'].entries())
    writeFileSync(join(agent.directory, `${index}.key`), `0x${byte.repeat(32)}\n`);
  const keys = ['--key-file', '0.key', '--key-file', '1.key'];
  const set = await command(agent, ['variables', 'set', 'greeting', '--value-file', '-', ...keys, ...ROOT], 'good morning');
  expect([set.code, set.out + set.err]).toEqual([0, expect.stringContaining('receipt rcpt_')]);
  const saved = [
    'variables',
    'set',
    'openrouter_api_key',
    '--value-file',
    '-',
    '--key-file',
    '0.key',
    '--save',
    'change.json',
    ...ROOT,
  ];
  expect((await command(agent, saved, 'sk-or-1')).code).toBe(0);
  expect(readFileSync(join(agent.directory, 'change.json'), 'utf8')).not.toContain('sk-or-1');
  const early = await command(agent, ['variables', 'send', 'change.json', ...ROOT]);
  expect([early.code, early.err]).toEqual([4, expect.stringContaining('expected signatures of 2 owners, got 1')]);
  expect((await command(agent, ['variables', 'sign', 'change.json', '--key-file', '1.key'])).out).toContain('signed by 2');
  expect((await command(agent, ['variables', 'send', 'change.json', ...ROOT])).code).toBe(0);
  const list = await command(agent, ['variables', 'list', ...ROOT]);
  expect(list.out).toContain('greeting  public, mutable, version 1  "good morning"');
  expect(list.out).toContain('openrouter_api_key  hidden, mutable, version 1\n');
  // A new set of owners, and a change by the one that is left.
  const { agent_id: agentId, control } = await agent.config();
  const links = { agentId, version: 1, previousHash: control.owners.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const owners = { type: 'SetOwners', fields: { ...links, owners: OWNER_ADDRESSES.slice(0, 1), threshold: 1 } } as const;
  await agent.post('/api/v1/control', { message: owners, signatures: await signedBy(owners, 2) });
  const alone = ['variables', 'set', 'greeting', '--value-file', '-', '--key-file', '0.key', '--immutable', ...ROOT];
  expect((await command(agent, alone, 'good night')).code).toBe(0);
  const history = await command(agent, ['variables', 'history', '-o', 'history.json', ...ROOT]);
  expect(history.out.split('\n').map((line) => line.split('  ')[1])).toEqual([
    expect.stringContaining('4 changes'),
    'greeting',
    'openrouter_api_key',
    'owners',
    'greeting',
    undefined,
  ]);
  const offline = await command({ ...agent, url: 'http://127.0.0.1:1' }, [
    'variables',
    'verify',
    'history.json',
    '--json',
    ...ROOT,
  ]);
  expect([offline.code, JSON.parse(offline.out)]).toMatchObject([
    0,
    { outcome: 'accepted', simulated: true, agent_id: agentId },
  ]);
  expect((await command(agent, ['variables', 'verify', 'history.json'])).code).toBe(3);
  const changed = readFileSync(join(agent.directory, 'history.json'), 'utf8')
    .replace('"good', '"g00d')
    .replace('variable.set', 'variable.sat');
  writeFileSync(join(agent.directory, 'changed.json'), changed);
  expect((await command(agent, ['variables', 'verify', 'changed.json', ...ROOT])).code).toBe(3);
  // Bad use.
  for (const [args, word] of [
    [['set', 'greeting', '--key-file', '0.key'], '--value-file'],
    [['set', 'greeting', '--value-file', '-'], 'ASSAY_OWNER_KEY'],
    [['set', 'nothing', '--value-file', '-', '--key-file', '0.key'], 'nothing'],
    [['set', 'greeting', '--value-file', '-', '--key-file', 'operator.json'], '64 hex'],
    [['set', 'greeting', '--value-file', '-', '--key-file', '0.key', '--expires', 'soon'], '--expires'],
    [['send', 'operator.json'], '--save'],
  ] as const) {
    const { code, err } = await command(agent, ['variables', ...args, ...ROOT]);
    expect([code, err]).toEqual([1, expect.stringContaining(word)]);
  }
});

test('a history holds by its signatures, not by the word of the agent', { timeout: 120_000 }, async () => {
  const agent = await startOwnedAgent({ manifest: COMPATIBLE });
  const legacy = { name: 'anthropic_api_key', value: 'sk-proj-f-1;2', signature: LEGACY_SIGNATURE };
  expect((await agent.post('/api/v1/variables', { variables: [legacy] })).body).toBe('Variables set.');
  writeFileSync(join(agent.directory, '0.key'), '22'.repeat(32));
  for (const value of ['one', 'two'])
    expect(
      (await command(agent, ['variables', 'set', 'greeting', '--value-file', '-', '--key-file', '0.key', ...ROOT], value)).code,
    ).toBe(0);
  expect((await command(agent, ['variables', 'history', '-o', 'history.json', ...ROOT])).code).toBe(0);
  const simulatedRoot = readFileSync(join(agent.directory, 'data', 'simulated-root.pem'));
  const verdict = await verifyBundle(new Uint8Array(readFileSync(join(agent.directory, 'history.json'))), {
    trust: { simulatedRoot },
  });
  if (verdict.outcome !== 'accepted') throw new Error('expected an authentic bundle');
  const subject = verdict.evidence[0]!.report.keyset.subject;
  const receipts: HistoryReceipt[] = [...verdict.receipts]
    .sort((a, b) => a.index - b.index)
    .map(({ receipt, time, payloads }) => ({
      receiptId: receipt.receipt_id,
      time: Math.floor(time / 1000),
      subject,
      events: receipt.event_log,
      payload: (name) => payloads.find((payload) => payload.name === name)?.content ?? null,
    }));
  expect(recheckHistory(receipts).changes.map(({ subject: name, version, form }) => [name, version, form])).toEqual([
    ['anthropic_api_key', 1, 'legacy'],
    ['greeting', 1, 'eip712'],
    ['greeting', 2, 'eip712'],
  ]);
  const rewritten = (index: number, name: string, change: (text: string) => string): HistoryReceipt[] =>
    receipts.map((receipt, at) => {
      if (at !== index) return receipt;
      const payload = (asked: string): Uint8Array | null => {
        const bytes = receipt.payload(asked);
        return bytes === null || asked !== name ? bytes : new TextEncoder().encode(change(new TextDecoder().decode(bytes)));
      };
      return { ...receipt, payload };
    });
  const cases: readonly (readonly [string, readonly HistoryReceipt[]])[] = [
    ['none at all', []],
    ['a change left out', [receipts[0]!, receipts[2]!]],
    ['another order', [receipts[0]!, receipts[2]!, receipts[1]!]],
    ['a change twice', [...receipts, receipts[2]!]],
    ['another keyset', receipts.map((receipt) => ({ ...receipt, subject: `urn:assay:agent:0x${'00'.repeat(32)}` }))],
    ['payloads left out', receipts.map((receipt) => ({ ...receipt, payload: () => null }))],
    ['another value', rewritten(1, 'variable-1/change.json', (text) => text.replace('"one"', '"two"'))],
    ['another expiry', rewritten(1, 'variable-1/change.json', (text) => text.replace(/"expiry":\d/, '"expiry":2'))],
    [
      'another owner in the manifest',
      rewritten(1, 'agent.json', (text) => text.replace(OWNER_ADDRESSES[0]!, `0x${'12'.repeat(20)}`)),
    ],
    ['another link', rewritten(0, 'variable-1/change.json', (text) => text.replace('"version":1', '"version":2'))],
  ];
  for (const [, broken] of cases) await expectRefusal(() => recheckHistory(broken), 'operator/history-broken', []);
});
