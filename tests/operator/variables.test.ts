/** Variables and control of a started agent: set by owners, shown as far as public, each change and refusal a receipt. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSigningPolicy, policyHash } from '@assay/operator';
import { expectAdvice } from '@assay/testing';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { expect, test } from 'vitest';
import {
  API_KEY,
  COMPATIBLE,
  LEGACY_SIGNATURE,
  MANIFEST,
  OPERATOR_PUBLIC_KEY,
  OWNER_ADDRESSES,
  signedBy,
  startOwnedAgent,
  temporary,
  variableEntry,
} from './owned-agent.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
}
interface Changed {
  readonly receipt_id: string;
}

test('the keyset that the TEE quotes names agent, agent key and wallet', async () => {
  const agent = await startOwnedAgent();
  const nonce = 'ab'.repeat(32);
  const config = (await (await agent.request(`/api/v1/config?nonce=${nonce}`)).json()) as Awaited<
    ReturnType<typeof agent.config>
  >;
  const { subject, receipt_signing_keys: keys } = config.report.attestation.workload_keyset;
  const addressOf = (algo: string): string => {
    const key = keys.find((each) => each.algo === algo)!.public_key;
    return `0x${Buffer.from(keccak_256(Buffer.from(key, 'hex')).subarray(12)).toString('hex')}`;
  };
  expect(config.nonce).toBe(nonce);
  expect(subject).toBe(`urn:assay:agent:${config.agent_id}`);
  expect(addressOf('assay-agent-secp256k1')).toBe(config.tee_public_key);
  expect(addressOf('assay-wallet-secp256k1')).toBe(config.wallet.address);
  expect(config.tee_public_key).not.toBe(config.wallet.address);
  expect(config).toMatchObject({ tee_name: 'my-agent', operator_pubkey: null, wallet: { kept: true } });
  expect((await agent.request('/api/v1/config?nonce=12')).status).toBe(400);
});

test('the wallet outlives keysets and starts; the agent key does not; other manifests are other agents', async () => {
  const directory = temporary();
  const first = await startOwnedAgent({ directory });
  const before = await first.config();
  await first.agent.rotateKeys();
  const rotated = await first.config();
  expect(rotated.wallet).toEqual(before.wallet);
  expect(rotated.tee_public_key).not.toBe(before.tee_public_key);
  await first.agent.close();
  const second = await startOwnedAgent({ directory });
  const after = await second.config();
  expect([after.wallet, after.agent_id]).toEqual([before.wallet, before.agent_id]);
  await second.agent.close();
  const other = await (await startOwnedAgent({ directory, manifest: { ...MANIFEST, name: 'other' } })).config();
  expect(other.agent_id).not.toBe(before.agent_id);
});

test('a batch is set by owners, is durable, and shows what is public', async () => {
  const directory = temporary();
  const agent = await startOwnedAgent({ directory });
  const config = await agent.config();
  const variables = [
    await variableEntry(config, 'anthropic_api_key', 'sk-hidden-1', { count: 1 }),
    await variableEntry(config, 'greeting', 'good morning'),
  ];
  const { status, body } = await agent.post('/api/v1/variables', { variables });
  expect([status, body]).toEqual([200, { receipt_id: expect.stringMatching(/^rcpt_/) }]);
  expect(await (await agent.request('/api/v1/variables?name=greeting')).json()).toBe('good morning');
  expect((await agent.request('/api/v1/variables?name=anthropic_api_key')).status).toBe(404);
  expect(Object.keys((await (await agent.request('/api/v1//variables')).json()) as object)).toEqual(['greeting', 'fixed']);
  const { receipt_id: receiptId } = body as Changed;
  const events = await agent.events(receiptId);
  expect(events.filter(({ type }) => type === 'variable.set')).toMatchObject([
    { name: 'anthropic_api_key', version: 1, visibility: 'hidden', signers: OWNER_ADDRESSES.slice(0, 1) },
    { name: 'greeting', version: 1, visibility: 'public', signers: OWNER_ADDRESSES.slice(0, 2) },
  ]);
  const bundled = await agent.request(`/bundles/${receiptId}`, { headers: { authorization: `Bearer ${API_KEY}` } });
  expect(bundled.status).toBe(200);
  const bundle = await bundled.text();
  expect(JSON.stringify(events)).not.toContain('sk-hidden');
  expect(bundle).not.toContain(Buffer.from('sk-hidden').toString('base64').slice(0, 10));
  await agent.agent.close();
  expect(readFileSync(join(directory, 'data', 'log.db')).includes('sk-hidden')).toBe(false);
  const again = await startOwnedAgent({ directory });
  expect(await (await again.request('/api/v1/variables?name=greeting')).json()).toBe('good morning');
  const shown = (await again.config()).variables.find(({ name }) => name === 'anthropic_api_key');
  expect(shown).toMatchObject({ version: 1 });
  expect(JSON.stringify(shown)).not.toContain('sk-hidden');
});

test('a refused change leaves everything as it was, and a receipt', async () => {
  const agent = await startOwnedAgent();
  const config = await agent.config();
  const good = await variableEntry(config, 'greeting', 'good morning');
  const hidden = await variableEntry(config, 'openrouter_api_key', 'sk-2');
  const cases: readonly (readonly [string, number, readonly unknown[]])[] = [
    ['operator/too-few-signers', 403, [good, await variableEntry(config, 'secret_token', 't', { count: 1 })]],
    [
      'operator/other-agent',
      403,
      [good, await variableEntry(config, 'secret_token', 't', { fields: { agentId: `0x${'12'.repeat(32)}` } })],
    ],
    ['operator/expired', 403, [await variableEntry(config, 'greeting', 'x', { fields: { expiry: 1 } }), hidden]],
    ['operator/out-of-order', 409, [good, await variableEntry(config, 'secret_token', 't', { fields: { version: 3 } })]],
    [
      'operator/policy-changed',
      409,
      [await variableEntry(config, 'greeting', 'x', { fields: { policyHash: `0x${'01'.repeat(32)}` } })],
    ],
    ['operator/widened', 403, [await variableEntry(config, 'greeting', 'x', { fields: { visibility: 'hidden' } })]],
    [
      'operator/signer-unknown',
      403,
      [
        {
          ...good,
          message: { ...good.message, fields: { ...good.message.fields, version: 1, expiry: good.message.fields.expiry + 1 } },
        },
      ],
    ],
    ['operator/value-mismatch', 403, [{ ...good, value: 'good night' }]],
    ['operator/legacy-refused', 403, [good, { name: 'secret_token', value: 't', signature: 'ab'.repeat(64) }]],
    ['channel/decryption-failed', 403, [{ ...hidden, sealed: (await variableEntry(config, 'secret_token', 't')).sealed }]],
  ];
  for (const [code, status, variables] of cases) {
    const answer = await agent.post('/api/v1/variables', { variables });
    const problem = answer.body as Problem;
    expect([code, answer.status, problem.code]).toEqual([code, status, code]);
    expectAdvice(problem.detail, []);
  }
  for (const [variables, word] of [
    [[good, good], 'once'],
    [[{ ...hidden, sealed: undefined, value: 'sk-2', salt: `0x${'00'.repeat(32)}` }], 'sealed'],
    [[{ ...good, extra: 1 }], 'extra'],
    [[{ ...good, signatures: ['0x12'] }], 'signatures'],
    [[], 'variables'],
    [Array(101).fill(good), '100'],
  ] as const) {
    const answer = await agent.post('/api/v1/variables', { variables });
    expect([answer.status, (answer.body as Problem).code]).toEqual([400, 'operator/message-malformed']);
    expect((answer.body as Problem).detail).toContain(word);
  }
  expect((await agent.request('/api/v1/variables', { method: 'POST', body: '{' })).status).toBe(400);
  const after = await agent.config();
  expect(after.variables).toEqual(config.variables);
  const list = await agent.request('/api/receipts?limit=50', { headers: { authorization: `Bearer ${API_KEY}` } });
  const { receipts } = (await list.json()) as { receipts: { task: string; state: string; receipt_id: string }[] };
  const changes = receipts.filter(({ task }) => task === 'variable_change');
  expect(changes.every(({ state }) => state === 'sealed')).toBe(true);
  const codes = await Promise.all(
    changes.map(async ({ receipt_id: id }) => (await agent.events(id)).find(({ type }) => type === 'variable.refused')?.code),
  );
  // One more: a hidden value in clear, which is found only when the message is looked at.
  expect(codes.reverse()).toEqual([...cases.map(([code]) => code), 'operator/message-malformed']);
  // The same batch without its fault.
  expect((await agent.post('/api/v1/variables', { variables: [good, hidden] })).status).toBe(200);
  const replay = await agent.post('/api/v1/variables', { variables: [good, hidden] });
  expect([replay.status, (replay.body as Problem).code]).toEqual([409, 'operator/replayed']);
});

test('owners are replaced, and one of them pauses', async () => {
  const agent = await startOwnedAgent();
  const { agent_id: agentId, control } = await agent.config();
  const links = { agentId, version: 1, previousHash: control.owners.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const pause = { type: 'SetPaused', fields: { ...links, paused: true } } as const;
  const paused = await agent.post('/api/v1/control', { message: pause, signatures: await signedBy(pause, 1) });
  expect(paused.status).toBe(200);
  const owners = { type: 'SetOwners', fields: { ...links, owners: OWNER_ADDRESSES.slice(0, 1), threshold: 1 } } as const;
  const early = await agent.post('/api/v1/control', { message: owners, signatures: await signedBy(owners, 1) });
  expect([early.status, (early.body as Problem).code]).toEqual([403, 'operator/too-few-signers']);
  const { body } = await agent.post('/api/v1/control', { message: owners, signatures: await signedBy(owners, 2) });
  expect((await agent.events((body as Changed).receipt_id)).find(({ type }) => type === 'owners.changed')).toMatchObject({
    owners: OWNER_ADDRESSES.slice(0, 1),
    threshold: 1,
    version: 1,
  });
  const config = await agent.config();
  expect(config.control).toMatchObject({ paused: { paused: true, version: 1 }, owners: { version: 1, threshold: 1 } });
  // The one owner left suffices now.
  const entry = await variableEntry(config, 'greeting', 'hi', { count: 1 });
  expect((await agent.post('/api/v1/variables', { variables: [entry] })).status).toBe(200);
  const wrong = {
    message: { type: 'ApproveTransaction', fields: { agentId, chainId: 1, transactionHash: agentId, expiry: 1 } },
  };
  const refused = await agent.post('/api/v1/control', { ...wrong, signatures: await signedBy(pause, 1) });
  expect((refused.body as Problem).code).toBe('operator/message-malformed');
});

test('a policy is set by the threshold, as signed, and taken away again', async () => {
  const agent = await startOwnedAgent();
  const { agent_id: agentId, control } = await agent.config();
  const chains = { 84532: { rpc_urls: ['https://sepolia.base.org'], max_fee_per_gas: '2000000000' } };
  const policy = { v: 'assay-operator-policy/1', chains, rules: [] };
  const links = { agentId, version: 1, previousHash: control.policy.change_hash, expiry: Math.floor(Date.now() / 1000) + 600 };
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const message = { type: 'SetPolicy', fields: { ...links, policyHash: hash } } as const;
  const signatures = await signedBy(message, 2);
  const other = await agent.post('/api/v1/control', { message, signatures, policy: { ...policy, chains: {} } });
  expect([other.status, (other.body as Problem).code]).toEqual([403, 'operator/value-mismatch']);
  const broken = await agent.post('/api/v1/control', { message, signatures, policy: { ...policy, rules: [1] } });
  expect((broken.body as Problem).code).toBe('operator/policy-malformed');
  const { body } = await agent.post('/api/v1/control', { message, signatures, policy });
  expect((await agent.events((body as Changed).receipt_id)).find(({ type }) => type === 'policy.changed')).toMatchObject({
    policy: hash,
  });
  const config = await agent.config();
  expect(config.control.policy).toMatchObject({ policy_hash: hash, version: 1 });
  // A variable is set under the policy that its owners saw.
  const entry = await variableEntry(config, 'greeting', 'hi', { fields: { policyHash: `0x${'00'.repeat(32)}` } });
  expect(((await agent.post('/api/v1/variables', { variables: [entry] })).body as Problem).code).toBe(
    'operator/policy-changed',
  );
  const zero = `0x${'00'.repeat(32)}` as const;
  const none = {
    type: 'SetPolicy',
    fields: { ...links, version: 2, previousHash: config.control.policy.change_hash, policyHash: zero },
  } as const;
  expect((await agent.post('/api/v1/control', { message: none, signatures: await signedBy(none, 2) })).status).toBe(200);
  expect((await agent.config()).control.policy).toMatchObject({ policy_hash: zero, version: 2 });
});

test("the seed's request works as written in compatibility mode", async () => {
  const agent = await startOwnedAgent({ manifest: COMPATIBLE });
  const dummy = { name: 'anthropic_api_key', value: 'sk-proj-f-xxxxxx', signature: 'x'.repeat(42) };
  expect(await agent.post('/api/v1//variables', { variables: [dummy] })).toEqual({
    status: 200,
    body: 'Signature verification failed.',
  });
  const real = { name: 'anthropic_api_key', value: 'sk-proj-f-1;2', signature: LEGACY_SIGNATURE };
  expect(await agent.post('/api/v1//variables', { variables: [real] })).toEqual({ status: 200, body: 'Variables set.' });
  // Once only: the seed's own agent would take it again.
  expect((await agent.post('/api/v1//variables', { variables: [real] })).body).toBe('Signature verification failed.');
  expect(await (await agent.request('/api/v1/variables?name=anthropic_api_key')).json()).toEqual({
    error: 'Variable not found',
  });
  const config = await agent.config();
  expect(config.operator_pubkey).toBe(OPERATOR_PUBLIC_KEY);
  expect(config.variables[0]).toMatchObject({ name: 'anthropic_api_key', version: 1 });
  const shown = { ...real, public: true };
  expect((await agent.post('/api/v1/variables', { variables: [shown] })).body).toBe('Signature verification failed.');
  // Typed data goes on from the version that the legacy message made.
  const entry = await variableEntry(config, 'anthropic_api_key', 'sk-3', { count: 1 });
  expect((await agent.post('/api/v1/variables', { variables: [entry] })).status).toBe(200);
});

test('a changed row of the data directory is found at the start; without a manifest the routes are closed', async () => {
  const directory = temporary();
  const agent = await startOwnedAgent({ directory });
  const entry = await variableEntry(await agent.config(), 'greeting', 'hi');
  await agent.post('/api/v1/variables', { variables: [entry] });
  await agent.agent.close();
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(directory, 'data', 'log.db'));
  db.exec("UPDATE state SET version = version + 1 WHERE key = 'variable/greeting'");
  db.close();
  // The store seals its rows as well, and finds it first.
  await expect(startOwnedAgent({ directory })).rejects.toMatchObject({ code: 'ledger/corrupt' });
  const bare = await startOwnedAgent({ environment: { ASSAY_OPERATOR_MANIFEST: '' } });
  for (const path of ['/api/v1/config', '/api/v1/variables']) {
    const response = await bare.request(path);
    expect([response.status, ((await response.json()) as Problem).code]).toEqual([404, 'operator/absent']);
  }
  const missing = startOwnedAgent({ environment: { ASSAY_OPERATOR_MANIFEST: '/nowhere.json' } });
  await expect(missing).rejects.toMatchObject({ code: 'config/unreadable' });
});
