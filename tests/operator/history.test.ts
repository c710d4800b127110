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
  variableEntry,
} from './owned-agent.ts';

async function command(
  agent: OwnedAgent,
  args: readonly string[],
  stdin = '',
  now = Date.now(),
): Promise<{ code: number; out: string; err: string }> {
  const io = transcript({
    cwd: agent.directory,
    now,
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
  expect([early.code, early.err]).toEqual([5, expect.stringContaining('expected signatures of 2 owners, got 1')]);
  const { agent_id: id } = await agent.config();
  const sign = ['variables', 'sign', 'change.json', '--key-file', '1.key'];
  const signed = await command(agent, [...sign, '--agent-id', id]);
  for (const word of [
    id,
    'SetVariable',
    'name          openrouter_api_key\n',
    'expires       20',
    'not checked here',
    'signed by 2',
  ])
    expect(signed.out).toContain(word);
  expect((await command(agent, ['variables', 'send', 'change.json', ...ROOT])).code).toBe(0);
  const list = await command(agent, ['variables', 'list', ...ROOT]);
  expect(list.out).toContain(`agent  ${id}\n`);
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
  for (const [args, word, exit = 1] of [
    [['set', 'greeting', '--key-file', '0.key'], '--value-file'],
    [['set', 'greeting', '--value-file', '-'], 'ASSAY_OWNER_KEY'],
    [['set', 'nothing', '--value-file', '-', '--key-file', '0.key'], 'assay variables list shows them'],
    [['set', 'greting', '--value-file', '-', '--key-file', '0.key'], 'did you mean greeting?'],
    [['set', 'greeting', '--value-file', '-', '--key-file', 'operator.json'], '64 hex'],
    [['set', 'greeting', '--value-file', '-', '--key-file', '0.key', '--expires', 'soon'], '--expires'],
    [['send', 'operator.json'], 'operator/message-malformed', 2],
  ] as const) {
    const { code, err } = await command(agent, ['variables', ...args, ...ROOT]);
    expect([code, err]).toEqual([exit, expect.stringContaining(word)]);
  }
});

test('an owner signs only what was shown, for the right agent, of the type that was meant, with its value', async () => {
  const agent = await startOwnedAgent();
  writeFileSync(join(agent.directory, '0.key'), '22'.repeat(32));
  const { agent_id: agentId, control } = await agent.config();
  const entry = await variableEntry(await agent.config(), 'greeting', 'good morning', { count: 1 });
  const late = await variableEntry(await agent.config(), 'greeting', 'x', { count: 1, fields: { expiry: 1 } });
  const links = { agentId, version: 1, previousHash: control.owners.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const owners = { type: 'SetOwners', fields: { ...links, owners: OWNER_ADDRESSES.slice(2), threshold: 1 } };
  const policy = { v: 'assay-operator-policy/1', chains: {}, rules: [] };
  const setPolicy = { type: 'SetPolicy', fields: { ...links, policyHash: `0x${'12'.repeat(32)}` } };
  const right = ['--agent-id', agentId];
  // Alike wherever a short form shows it.
  const twin = `${agentId.slice(0, 33)}${agentId[33] === '0' ? '1' : '0'}${agentId.slice(34)}`;
  const cases: readonly (readonly [object, readonly string[], number, string])[] = [
    [entry, right, 0, '"good morning"'],
    [entry, [], 1, '--agent-id'],
    [entry, ['--agent-id', `0x${'12'.repeat(32)}`], 5, 'operator/other-agent'],
    [entry, ['--agent-id', twin], 5, `expected agent ${twin}, got ${agentId}, which differs from character 34 on`],
    [entry, ['--agent-id', `${agentId.slice(0, 18)}…${agentId.slice(-8)}`], 1, 'got one that is cut'],
    [entry, ['--agent-id', agentId.slice(0, 20)], 1, 'got 20 characters'],
    [entry, ['--agent-id', agentId.toUpperCase().replace('X', 'x')], 0, '"good morning"'],
    [late, right, 5, 'operator/expired'],
    [{ ...entry, value: 'good night' }, right, 3, 'operator/value-mismatch'],
    [{ ...entry, salt: 'none' }, right, 3, 'operator/value-mismatch'],
    [{ message: owners, signatures: [] }, right, 1, 'add --type SetOwners'],
    [{ message: owners, signatures: [] }, [...right, '--type', 'SetOwners'], 0, OWNER_ADDRESSES[2] ?? ''],
    [{ message: setPolicy, signatures: [], policy }, [...right, '--type', 'SetPolicy'], 3, 'operator/value-mismatch'],
  ];
  for (const [change, more, code, word] of cases) {
    const text = JSON.stringify(change);
    writeFileSync(join(agent.directory, 'change.json'), text);
    const answer = await command(agent, ['variables', 'sign', 'change.json', '--key-file', '0.key', ...more]);
    expect([answer.code, answer.out + answer.err]).toEqual([code, expect.stringContaining(word)]);
    if (code !== 0) expect(readFileSync(join(agent.directory, 'change.json'), 'utf8')).toBe(text);
  }
});

test('refusals get no receipts without bound, and do not crowd changes out of the history', { timeout: 120_000 }, async () => {
  let now = 1_800_000_000_000;
  const agent = await startOwnedAgent({ now: () => now });
  const refusals = async (): Promise<readonly (Record<string, unknown> | undefined)[]> => {
    const ids: string[] = [];
    for (let before: number | null = null; ; ) {
      const page = await agent.request(`/api/receipts?limit=100${before === null ? '' : `&before=${before}`}`, {
        headers: { authorization: `Bearer ${API_KEY}` },
      });
      const { receipts, next } = (await page.json()) as {
        receipts: { task: string; receipt_id: string }[];
        next: number | null;
      };
      ids.push(...receipts.filter(({ task }) => task !== 'boot').map(({ receipt_id: each }) => each));
      if (next === null) break;
      before = next;
    }
    const events = await Promise.all(ids.map((each) => agent.events(each)));
    return events.map((each) => each.find(({ type }) => type === 'variable.refused' || type === 'operator.refused'));
  };
  const config = await agent.config();
  const expiry = Math.floor(now / 1000) + 600;
  const good = await variableEntry(config, 'greeting', 'good morning', { fields: { expiry } });
  expect((await agent.post('/api/v1/variables', { variables: [good] })).status).toBe(200);
  const foreign = { name: 'words of a stranger', value: 'v', signature: 'x' };
  const pause = {
    type: 'SetPaused',
    fields: { agentId: config.agent_id, paused: true, version: 1, previousHash: `0x${'00'.repeat(32)}`, expiry: 1 },
  };
  for (let n = 0; n < 20; n += 1) {
    expect((await agent.post('/api/v1/variables', { variables: [foreign] })).status).toBe(403);
    expect((await agent.post('/api/v1/control', { message: pause, signatures: good.signatures })).status).toBe(403);
  }
  expect((await refusals()).filter((each) => each !== undefined)).toHaveLength(30);
  for (let minute = 0; minute < 3; minute += 1) {
    now += 60_000;
    for (let n = 0; n < 30; n += 1) await agent.post('/api/v1/variables', { variables: [foreign] });
  }
  const found = (await refusals()).filter((each) => each !== undefined);
  expect(found).toHaveLength(120);
  expect(found.filter(({ left_out: leftOut }) => leftOut !== 0)).toMatchObject([{ left_out: 10 }]);
  expect(JSON.stringify(found)).not.toContain('stranger');
  const long = { ...foreign, name: 'A'.repeat(65) };
  expect((await agent.post('/api/v1/variables', { variables: [long] })).status).toBe(400);
  const history = await command(agent, ['variables', 'history', ...ROOT], '', now);
  expect([history.code, history.out + history.err]).toEqual([0, expect.stringContaining('1 change of agent')]);
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
