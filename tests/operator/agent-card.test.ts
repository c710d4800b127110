/** The agent card: signed by a key of the attested keyset; A2A's own SDK verifies it and refuses an edited one. */

import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { decodeFunctionData, parseAbi } from 'viem';
import { expect, test } from 'vitest';
import { API_KEY, type OwnedAgent, startOwnedAgent } from './owned-agent.ts';

/** `@a2a-js/sdk` 1.3.0, which the gate installs beside anvil. */
const SDK = new URL('../../.cache/anvil/node_modules/@a2a-js/sdk/dist/index.js', import.meta.url);
if (!existsSync(SDK))
  process.stderr.write('\nLEFT OUT: the agent card before @a2a-js/sdk; node tools/install-anvil.mjs installs it\n');

interface Card {
  readonly name: string;
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[];
  readonly capabilities: {
    readonly extensions: readonly { readonly params: { readonly keyset_digest: string; readonly agent_id: string } }[];
  };
}

async function cardOf(agent: OwnedAgent): Promise<{ card: Card; key: CryptoKey; keysetDigest: string }> {
  const card = (await (await agent.request('/.well-known/agent-card.json')).json()) as Card;
  const { report, keyset_digest: keysetDigest } = await agent.config();
  const { public_key: raw } = report.attestation.workload_keyset.receipt_signing_keys.find(
    ({ algo }) => algo === 'assay-card-ed25519',
  )!;
  const key = await crypto.subtle.importKey('raw', Buffer.from(raw, 'hex'), 'Ed25519', true, ['verify']);
  return { card, key, keysetDigest };
}

test('it names the keyset that signed it', async () => {
  const agent = await startOwnedAgent();
  const { card, key, keysetDigest } = await cardOf(agent);
  const [signature] = card.signatures;
  expect(JSON.parse(Buffer.from(signature!.protected, 'base64url').toString())).toEqual({
    alg: 'EdDSA',
    kid: keysetDigest,
    typ: 'JOSE',
  });
  expect(card.capabilities.extensions[0]?.params).toMatchObject({
    keyset_digest: keysetDigest,
    agent_id: (await agent.config()).agent_id,
  });
  const { signatures: _, ...unsigned } = card;
  const { canonicalJson } = await import('@assay/encoding/json');
  const verify = (content: object): Promise<boolean> => {
    const signed = `${signature!.protected}.${Buffer.from(canonicalJson(content)).toString('base64url')}`;
    return crypto.subtle.verify('Ed25519', key, Buffer.from(signature!.signature, 'base64url'), Buffer.from(signed));
  };
  expect(await verify(unsigned)).toBe(true);
  expect(await verify({ ...unsigned, name: 'another' })).toBe(false);
  await agent.agent.rotateKeys();
  const next = await cardOf(agent);
  expect(next.card.signatures[0]?.protected).not.toBe(signature!.protected);
});

test.skipIf(!existsSync(SDK))("A2A's SDK verifies it, and refuses one with an edited byte", async () => {
  const agent = await startOwnedAgent();
  const { card, key, keysetDigest } = await cardOf(agent);
  const { verifyAgentCardSignature } = (await import(SDK.href)) as {
    verifyAgentCardSignature(key: (kid: string) => Promise<CryptoKey>): (card: unknown) => Promise<void>;
  };
  const verify = verifyAgentCardSignature((kid) =>
    kid === keysetDigest ? Promise.resolve(key) : Promise.reject(new Error('another keyset')),
  );
  await verify(card);
  await expect(verify({ ...card, name: `${card.name}.` })).rejects.toThrow('No valid signatures');
  await expect(verify(JSON.parse(JSON.stringify(card).replace('/openapi.json', '/openapi.jsom')))).rejects.toThrow(
    'No valid signatures',
  );
});

/** The answer for a `Host` of the caller's choice, which `fetch` does not send. */
function askedAs(agent: OwnedAgent, path: string, host: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(agent.url);
    httpRequest({ host: '127.0.0.1', port, path, headers: { host, 'x-api-key': API_KEY } }, (response) => {
      let body = '';
      response.on('data', (piece) => {
        body += String(piece);
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    })
      .on('error', reject)
      .end();
  });
}

test("no card is signed for a Host of the caller's choice", async () => {
  const open = await startOwnedAgent({ environment: { AGENT_HOST: '0.0.0.0', ASSAY_TLS: 'off' } });
  for (const path of ['/.well-known/agent-card.json', '/.well-known/agent-registration.json']) {
    const refused = await askedAs(open, path, 'evil.example');
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([400, 'operator/origin-unknown']);
  }
  await open.agent.close();
  const named = await startOwnedAgent({
    environment: { AGENT_HOST: '0.0.0.0', ASSAY_TLS: 'off', ASSAY_PUBLIC_URL: 'https://agent.example' },
  });
  const { body } = await askedAs(named, '/.well-known/agent-card.json', 'evil.example');
  expect(body).toContain('https://agent.example/openapi.json');
  expect(body).not.toContain('evil');
});

test('the registration file comes with the calldata that registers it', async () => {
  const agent = await startOwnedAgent();
  const file = (await (await agent.request('/.well-known/agent-registration.json')).json()) as {
    supportedTrust: string[];
    calldata: { register: `0x${string}` };
  };
  expect(file.supportedTrust).toEqual(['tee-attestation']);
  const { args } = decodeFunctionData({ abi: parseAbi(['function register(string agentURI)']), data: file.calldata.register });
  expect(args).toEqual([`${agent.url}/.well-known/agent-registration.json`]);
});
