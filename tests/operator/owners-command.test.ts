/**
 * `assay owners`: policy, pause and set of owners are signed by K of N, on one machine or through a file, and then hold at the agent; what
 * the agent would refuse is refused before a key signs. A policy that replaces another ends what waits, and says so.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSigningPolicy, policyHash } from '@assay/operator';
import { transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { ANVIL, startLocalChain } from './local-chain.ts';
import { API_KEY, MANIFEST, OWNER_ADDRESSES, type OwnedAgent, startOwnedAgent, temporary } from './owned-agent.ts';

const POLICY = {
  v: 'assay-operator-policy/1',
  chains: { '84532': { rpc_urls: ['http://127.0.0.1:9'], max_fee_per_gas: '2000000000' } },
  rules: [{ id: 'status', effect: 'allow', match: { paths: ['message'], message: { starts_with: ['status: '] } } }],
};
const NONE = `0x${'00'.repeat(32)}`;

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function owned(manifest: object = MANIFEST): Promise<{ agent: OwnedAgent; owners(...args: string[]): Promise<Said> }> {
  const agent = await startOwnedAgent({ manifest });
  for (const [index, byte] of ['22', '33', '44', '55'].entries())
    writeFileSync(join(agent.directory, `${index}.key`), `0x${byte.repeat(32)}\n`);
  writeFileSync(join(agent.directory, 'policy.json'), JSON.stringify(POLICY));
  const owners = async (...args: string[]): Promise<Said> => {
    const io = transcript({
      ...{ cwd: agent.directory, now: Date.now(), fetch: globalThis.fetch },
      env: { ASSAY_URL: agent.url, ASSAY_API_KEY: API_KEY },
    });
    const reaches = args[0] === 'sign' ? [] : ['--simulated-root', 'data/simulated-root.pem'];
    const code = await run(['owners', ...args, ...reaches], io);
    return { code, out: io.out(), err: io.err() };
  };
  return { agent, owners };
}

const key = (index: number): readonly [string, string] => ['--key-file', `${index}.key`];
const signsStatus = async ({ post }: OwnedAgent): Promise<number> =>
  (await post('/api/v1/sign-message', { message: 'status: well' }, { authorization: `Bearer ${API_KEY}` })).status;

test('a policy that two of three owners signed on two machines is in force, and is taken away', {
  timeout: 120_000,
}, async () => {
  const { agent, owners } = await owned();
  const { agent_id: id } = await agent.config();
  expect(await signsStatus(agent)).toBe(403);
  const alone = await owners('set-policy', 'policy.json', ...key(0));
  expect([alone.code, alone.err]).toEqual([1, expect.stringMatching(/keys of 2 owners, got 1 .*\n.*--save/s)]);
  const saved = await owners('set-policy', 'policy.json', ...key(0), '--save', 'change.json');
  expect(saved.out).toMatch(/allow {2}status {2}Allows .*change\.json: signed by 1 of 2, good until 20/s);
  expect(saved.err).toContain('assay owners sign change.json --agent-id ID');
  expect((await owners('send', 'change.json')).err).toContain('expected signatures of 2 owners, got 1');
  const signed = await owners('sign', 'change.json', '--agent-id', id, ...key(1));
  for (const word of [id, 'SetPolicy', 'ends every approval', 'status: ', 'signed by 2']) expect(signed.out).toContain(word);
  const sent = await owners('send', 'change.json');
  expect([sent.code, sent.out]).toEqual([0, expect.stringContaining('receipt rcpt_')]);
  expect(sent.err).toContain('waited for an approval of owners have ended');
  expect((await agent.config()).control.policy.policy_hash).toBe(policyHash(parseSigningPolicy(JSON.stringify(POLICY))));
  expect(await signsStatus(agent)).toBe(200);
  expect((await owners('show')).out).toMatch(
    /2 of 3 must sign.*what the policy allows.*policy, version 1\n {2}allow {2}status/s,
  );
  expect((await owners('set-policy', '--none', ...key(1), ...key(2))).code).toBe(0);
  expect((await agent.config()).control.policy).toMatchObject({ policy_hash: NONE, version: 2 });
  expect(await signsStatus(agent)).toBe(403);
  expect((await owners('show')).out).toContain('nothing: there is no policy');
});

test('one owner pauses, two resume, and two put others in their place', { timeout: 120_000 }, async () => {
  const { agent, owners } = await owned();
  expect((await owners('set-policy', 'policy.json', ...key(0), ...key(1))).code).toBe(0);
  expect((await owners('pause', ...key(2))).code).toBe(0);
  expect(await signsStatus(agent)).toBe(403);
  expect((await owners('show')).out).toContain('paused by an owner: nothing');
  expect((await owners('resume', ...key(2))).err).toContain('keys of 2 owners, got 1');
  expect((await owners('resume', ...key(2), ...key(0))).code).toBe(0);
  expect(await signsStatus(agent)).toBe(200);
  const others = OWNER_ADDRESSES.slice(1);
  expect((await owners('set', ...others, '--threshold', '1', ...key(0), ...key(1))).code).toBe(0);
  expect((await owners('show')).out).toContain('1 of 2 must sign');
  expect((await owners('set-policy', '--none', ...key(0))).err).toContain('who is none');
  expect((await owners('set-policy', '--none', ...key(1))).code).toBe(0);
});

test.skipIf(ANVIL === null)(
  'what waits is shown, approved by its hash and sent, or ended by another policy',
  {
    timeout: 120_000,
  },
  async () => {
    const chain = await startLocalChain({ manual: true });
    const { agent, owners } = await owned();
    await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
    const [alice = ''] = OWNER_ADDRESSES;
    const rule = {
      ...{ id: 'tips', effect: 'allow', match: { recipients: [alice] } },
      ...{ caps: [{ asset: 'native', at_most: '100' }], approval: { above: '1' } },
    };
    const chains = { [chain.chainId]: { rpc_urls: [chain.url], max_fee_per_gas: '20000000000' } };
    writeFileSync(join(agent.directory, 'tips.json'), JSON.stringify({ ...POLICY, chains, rules: [rule] }));
    const set = async (): Promise<void> => expect((await owners('set-policy', 'tips.json', ...key(0), ...key(1))).code).toBe(0);
    const ask = async (): Promise<string> => {
      const asked = { transaction: { to: alice, value: '5' }, rpc_url: chain.url };
      const { status, body } = await agent.post('/api/v1/sign-transaction', asked, { authorization: `Bearer ${API_KEY}` });
      expect(status).toBe(202);
      return (body as { readonly approval: string }).approval;
    };
    await set();
    const ended = await ask();
    expect((await owners('show')).out).toMatch(
      new RegExp(`1 transaction for an approval.*${ended}\n {2}5 wei to ${alice}`, 's'),
    );
    const saved = await owners('approve', ended, ...key(0), '--save', 'approval.json');
    expect(saved.err).toContain('assay owners sign approval.json --type ApproveTransaction');
    await set();
    expect((await owners('show')).out).toMatch(/waits +nothing/);
    const late = 'expected the hash of a transaction that waits';
    expect((await owners('approve', ended, ...key(0), ...key(1))).err).toContain(late);
    const alone = await owners('send', 'approval.json');
    expect([alone.code, alone.err]).toEqual([5, expect.stringContaining('operator/too-few-signers')]);
    const forEnded = ['sign', 'approval.json', '--type', 'ApproveTransaction', '--agent-id', (await agent.config()).agent_id];
    expect((await owners(...forEnded, ...key(1))).code).toBe(0);
    expect((await owners('send', 'approval.json')).err).toContain(late);
    expect((await owners('approve', await ask(), ...key(0), '--save', 'approval.json')).code).toBe(0);
    const { agent_id: id } = await agent.config();
    const signed = await owners('sign', 'approval.json', '--type', 'ApproveTransaction', '--agent-id', id, ...key(1));
    expect([signed.code, signed.out]).toEqual([0, expect.stringContaining('signed by 2')]);
    expect((await owners('send', 'approval.json')).code).toBe(0);
    const booked = await agent.request('/api/v1/transactions', { headers: { authorization: `Bearer ${API_KEY}` } });
    expect(await booked.json()).toMatchObject({ pending: [], transactions: [{ to: alice, value: '5' }] });
  },
);

test('what cannot be meant is refused before a key signs', { timeout: 120_000 }, async () => {
  const { agent, owners } = await owned();
  const [first = ''] = OWNER_ADDRESSES;
  writeFileSync(join(agent.directory, 'evidence.json'), '{"version":1,"name":"strict"}');
  for (const [args, code, word] of [
    [['set-policy', ...key(0)], 1, 'got neither'],
    [['set-policy', 'policy.json', '--none', ...key(0)], 1, 'got both'],
    [['set-policy', 'evidence.json', ...key(0)], 2, 'operator/policy-malformed'],
    [['set-policy', 'policy.json'], 1, 'ASSAY_OWNER_KEY'],
    [['set', first, '--threshold', '2', ...key(0)], 1, 'from 1 to 1'],
    [['set', first, first, '--threshold', '2', ...key(0)], 1, 'from 1 to 1'],
    [['set', '0x12', '--threshold', '1', ...key(0)], 1, '40 hex characters'],
    [['set', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'.replace('5aA', '5AA'), '--threshold', '1', ...key(0)], 1, 'EIP-55'],
    [['pause', '--expires', 'soon', ...key(0)], 1, '--expires'],
    [['approve', '0xabc', ...key(0)], 1, 'assay owners show'],
    [['send', 'policy.json'], 2, 'operator/message-malformed'],
  ] as const)
    expect([args, await owners(...args)]).toMatchObject([args, { code, err: expect.stringContaining(word) }]);
  const { control } = await agent.config();
  expect([control.policy.version, control.owners.version, control.paused.version]).toEqual([0, 0, 0]);
});

test('a policy for a wallet is not taken for one for evidence', async () => {
  const directory = temporary();
  writeFileSync(join(directory, 'policy.json'), JSON.stringify(POLICY));
  const io = transcript({ cwd: directory, now: Date.now() });
  expect(await run(['policy', 'explain', 'policy.json'], io)).toBe(1);
  expect(io.err()).toContain('assay owners set-policy');
});
