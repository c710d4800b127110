/** What docs/operator.md shows is true: readers take the manifest and the policies, and the commands run as they stand. */

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { utf8 } from '@assay/encoding/bytes';
import { type OwnerMessage, parseManifest, parseSigningPolicy, policyHash } from '@assay/operator';
import { expect, test } from 'vitest';
import { ANVIL, startLocalChain } from './local-chain.ts';
import { API_KEY, type OwnedAgent, signedBy, startOwnedAgent, temporary } from './owned-agent.ts';

const PAGE = readFileSync(new URL('../../docs/operator.md', import.meta.url), 'utf8');
const MAIN = fileURLToPath(new URL('../../packages/assay/src/command-line/main.ts', import.meta.url));

/** Blocks of a language, without the indentation of lists. */
function blocks(language: string): readonly string[] {
  return [...PAGE.matchAll(/^( *)```(\w*)\n([\s\S]*?)\n *```$/gm)]
    .filter(([, , found]) => found === language)
    .map(([, indent = '', , text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

const JSONS = blocks('json').map((text) => JSON.parse(text) as { readonly v?: string });
const MANIFEST = JSONS[0] as object;
const POLICIES = JSONS.filter(({ v }) => v === 'assay-operator-policy/1');
const [MAKING = '', SETTING = '', ALLOWING = '', PAYING = '', REMEMBERING = ''] = blocks('');

const TOOLS = ((): boolean => {
  try {
    execFileSync('bash', ['-c', 'command -v curl base64 openssl'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
if (!TOOLS) process.stderr.write('\nLEFT OUT: the commands of docs/operator.md need bash, curl, base64 and openssl\n');

interface PolicyOfPage {
  readonly rules: readonly { readonly id: string }[];
  readonly chains: Readonly<Record<string, { rpc_urls: readonly string[] }>>;
}
const policyWith = (id: string): PolicyOfPage => {
  const found = (POLICIES as unknown as PolicyOfPage[]).find(({ rules }) => rules.some((rule) => rule.id === id));
  if (found === undefined) throw new Error(`the page has no rule ${id}`);
  return found;
};

async function started(): Promise<OwnedAgent> {
  const directory = temporary();
  const environment = { ASSAY_DATA_DIR: join(directory, '.assay') };
  return startOwnedAgent({ directory, manifest: MANIFEST, environment });
}

/** Sets a policy of the page, its node replaced by one that is there. */
async function setPolicy(agent: OwnedAgent, policy: PolicyOfPage, rpcUrl: string): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const chains = Object.fromEntries(Object.entries(policy.chains).map(([id, chain]) => [id, { ...chain, rpc_urls: [rpcUrl] }]));
  const document = { ...policy, chains };
  const { version, change_hash: previousHash } = control.policy;
  const hash = policyHash(parseSigningPolicy(JSON.stringify(document)));
  const expiry = Math.floor(Date.now() / 1000) + 600;
  const fields = { agentId, policyHash: hash, version: version + 1, previousHash, expiry };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const sent = { message, signatures: await signedBy(message, 1), policy: document };
  expect((await agent.post('/api/v1/control', sent)).status).toBe(200);
}

/** Runs a block in a shell in the agent's directory; each line must end well. */
async function shell(agent: OwnedAgent, block: string): Promise<string> {
  const assay = `assay() { '${process.execPath}' --conditions=@assay/source --no-warnings '${MAIN}' "$@"; }`;
  const text = `set -euo pipefail\n${assay}\n${block.replaceAll('http://127.0.0.1:8000', agent.url)}`;
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, NO_COLOR: '1', ASSAY_URL: agent.url, ASSAY_API_KEY: API_KEY };
  const { stdout } = await promisify(execFile)('bash', ['-c', text], { cwd: agent.directory, env });
  return stdout;
}

test('one manifest, six policies', () => {
  expect(parseManifest(utf8(JSON.stringify(MANIFEST))).name).toBe('my-agent');
  expect(POLICIES.map((policy) => parseSigningPolicy(JSON.stringify(policy)).rules.map(({ id }) => id))).toEqual([
    ['tips'],
    ['no-tools', 'payroll'],
    ['vote'],
    ['no-tools', 'smart-wallet', 'batches'],
    ['permits', 'status'],
    ['sweep'],
  ]);
  const kms = /"kms": (\{[^}]*\})/.exec(PAGE)?.[1] ?? '';
  const witness = /"witness": (\{[^}]*\})/.exec(PAGE)?.[1] ?? '';
  const more = { kms: JSON.parse(kms) as object, witness: { ...(JSON.parse(witness) as object), vkey: 'w+00000000+BBBB' } };
  expect(parseManifest(utf8(JSON.stringify({ ...MANIFEST, ...more }))).kms?.key).toContain('arn:aws:kms:');
});

test.skipIf(!TOOLS)('an owner makes a key and reads its address', async () => {
  const agent = await started();
  const out = await shell(agent, MAKING.replace('npx assay', 'assay'));
  expect(out.trim()).toMatch(/^0x[0-9a-fA-F]{40}$/);
  expect(statSync(join(agent.directory, 'owner.key')).mode & 0o777).toBe(0o600);
});

test.skipIf(!TOOLS)('variables are set, signed on two machines, sent and rechecked', { timeout: 300_000 }, async () => {
  const agent = await started();
  for (const file of ['owner.key', 'a.key', 'b.key'])
    writeFileSync(join(agent.directory, file), '22'.repeat(32), { mode: 0o600 });
  writeFileSync(join(agent.directory, 'key.txt'), 'sk-or-v1-hidden');
  const { agent_id: id } = await agent.config();
  // The command in the comment is the second owner's.
  const block = SETTING.replace(
    / +# then: (.*)--agent-id 0x…(.*)$/m,
    (_line, command: string, rest: string) => `\n${command}--agent-id ${id}${rest}`,
  );
  expect(block).toContain(`assay variables sign change.json --agent-id ${id}`);
  const out = await shell(agent, block);
  expect(out).toContain('openrouter_api_key');
  expect(out).not.toContain('sk-or-v1-hidden');
  const { variables } = await agent.config();
  expect(variables.filter(({ version }) => version === 1).map(({ name }) => name)).toEqual(['openrouter_api_key', 'greeting']);
});

test.skipIf(!TOOLS)('a policy is set by one owner, and by one more on another machine', { timeout: 300_000 }, async () => {
  const agent = await started();
  for (const file of ['owner.key', 'a.key', 'b.key'])
    writeFileSync(join(agent.directory, file), '22'.repeat(32), { mode: 0o600 });
  writeFileSync(join(agent.directory, 'policy.json'), JSON.stringify(policyWith('tips')));
  const { agent_id: id } = await agent.config();
  const block = ALLOWING.replace('--agent-id 0x…', `--agent-id ${id}`);
  expect(block).toContain(`assay owners sign change.json --agent-id ${id}`);
  expect(await shell(agent, block)).toMatch(/signs +what the policy allows\n/);
  const { policy_hash: hash, version } = (await agent.config()).control.policy;
  expect([hash, version]).toEqual([policyHash(parseSigningPolicy(JSON.stringify(policyWith('tips')))), 2]);
});

test.skipIf(!TOOLS || ANVIL === null)('a tip is paid, and its key pays once', { timeout: 120_000 }, async () => {
  const chain = await startLocalChain();
  await chain.test.mine({ blocks: 20 }); // empty blocks make gas as cheap as the policy allows
  const agent = await started();
  await chain.fund((await agent.config()).wallet.address!, 10n ** 18n);
  await setPolicy(agent, policyWith('tips'), chain.url);
  const block = PAYING.replace('https://sepolia.base.org', chain.url);
  const first = JSON.parse(await shell(agent, block)) as { readonly transaction_hash: string; readonly sent: boolean };
  expect(first).toMatchObject({ sent: true, transaction_hash: expect.stringMatching(/^0x[0-9a-f]{64}$/) });
  const again = JSON.parse(await shell(agent, block)) as { readonly transaction_hash: string };
  expect(again.transaction_hash).toBe(first.transaction_hash);
});

test.skipIf(!TOOLS)('a checkpoint that the caller keeps stands in the receipt', { timeout: 120_000 }, async () => {
  const agent = await started();
  await setPolicy(agent, policyWith('status'), 'http://127.0.0.1:9');
  const { receipt_id: id } = JSON.parse(await shell(agent, REMEMBERING)) as { readonly receipt_id: string };
  expect((await agent.events(id)).find(({ type }) => type === 'message.signed')).toMatchObject({
    rollback: 'client-checkpoint',
  });
});

test.skipIf(ANVIL === null)('a sweep leaves the wallet empty', { timeout: 120_000 }, async () => {
  const chain = await startLocalChain();
  await chain.test.mine({ blocks: 20 }); // empty blocks make gas as cheap as the policy allows
  const agent = await started();
  const wallet = (await agent.config()).wallet.address!;
  await chain.fund(wallet, 10n ** 18n);
  const policy = policyWith('sweep');
  await setPolicy(agent, policy, chain.url);
  const rescue = '0x1563915e194d8cfba1943570603f7606a3115508';
  const fee = 2_000_000_000n;
  const transaction = { to: rescue, value: String(10n ** 18n - 21_000n * fee), gas: 21_000, gas_price: String(fee) };
  const asked = { transaction, rpc_url: chain.url };
  const { status } = await agent.post('/api/v1/sign-transaction', asked, { authorization: `Bearer ${API_KEY}` });
  expect(status).toBe(200);
  await expect.poll(() => chain.client.getBalance({ address: wallet }), { timeout: 30_000 }).toBe(0n);
});
