/** A relying party and a real agent: verify, talk sealed, check the receipt; and what happens when somebody in between lies. */

import { createHash, type X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { recordedChats } from '@assay/testing';
import { type ConnectOptions, connect } from 'assay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { type RunningAgent, startAgent } from '../../packages/agent/src/main.ts';

/** Asked all at once. */
const QUESTIONS = Array.from({ length: 100 }, (_, number) => `question ${number}`);

let directory: string;
let agent: RunningAgent;
let options: ConnectOptions;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-chat-'));
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'error',
      AI_PROVIDER: 'recorded',
      ASSAY_RECORDED_FILE: recordedChats(directory, ['my secret question about factorials', ...QUESTIONS]),
    }),
  );
  const root = readFileSync(join(directory, 'simulated-root.pem'));
  options = { trust: { simulatedRoot: root } };
});

afterAll(async () => {
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

function spkiHash(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Records every request that leaves, and may change answers on their way. */
function wire(spoil: (url: URL, answer: Response) => Response | Promise<Response> = (_url, answer) => answer) {
  const sent: { url: URL; body: Uint8Array }[] = [];
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.clone().arrayBuffer());
    sent.push({ url: new URL(request.url), body });
    return spoil(new URL(request.url), await fetch(request));
  };
  return {
    sent,
    fetch: carry,
    text: () => sent.map(({ url, body }) => `${url.href} ${new TextDecoder('latin1').decode(body)}`).join('\n'),
  };
}

describe.each(['x25519', 'hybrid'] as const)('with %s', (keyExchange) => {
  it('answers a verified, sealed question and leaves a receipt', async () => {
    const line = wire();
    const connected = await connect(agent.url, { ...options, keyExchange, fetch: line.fetch });
    expect(connected.attested.verdict).toMatchObject({ outcome: 'accepted', simulated: true });
    const pieces: string[] = [];
    const { text: answer, receipt } = await connected.chat('my secret question about factorials', {
      onText: (piece) => pieces.push(piece),
    });
    expect(answer.length).toBeGreaterThan(0);
    expect(pieces.join('')).toBe(answer);
    expect(receipt.endpoint).toBe('/v1/chat/completions');
    expect(receipt.event_log.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['request.received', 'upstream.verified', 'request.forwarded', 'response.returned']),
    );
    expect(line.text()).not.toContain('secret');
    expect(line.text()).not.toContain('completions');
  });
});

describe('before any byte of the prompt leaves', () => {
  it.each<[string, (url: URL, answer: Response) => Promise<Response>]>([
    [
      'a swapped keyset',
      async (_url, answer) => {
        const report = JSON.parse(await answer.text());
        report.attestation.workload_keyset.e2ee_public_keys[0].public_key = 'ab'.repeat(32);
        return Response.json(report);
      },
    ],
    [
      'a report for another nonce',
      async (url, answer) =>
        url.pathname.endsWith('attestation') ? fetch(`${agent.url}/v1/aci/attestation?nonce=${'11'.repeat(32)}`) : answer,
    ],
    ['mock: true instead of evidence', async () => Response.json({ mock: true, attestation_doc: { public_key: '00' } })],
    ['no evidence at all', async () => new Response('not found', { status: 404 })],
  ])('%s is refused', async (_name, spoil) => {
    const line = wire((url, answer) => (url.pathname.endsWith('/attestation') ? spoil(url, answer) : answer));
    await expect(connect(agent.url, { ...options, fetch: line.fetch })).rejects.toMatchObject({
      code: expect.stringMatching(/^client\//),
    });
    expect(line.sent.map(({ url }) => url.pathname)).toEqual(['/v1/aci/attestation']);
  });

  it('a simulator that is not named is refused', async () => {
    const line = wire();
    await expect(connect(agent.url, { fetch: line.fetch })).rejects.toMatchObject({ code: 'client/attestation-refused' });
    expect(line.sent.length).toBe(1);
  });
});

it('carries a hundred chats at once without mixing them up', async () => {
  const connected = await connect(agent.url, options);
  const receipts = await Promise.all(
    QUESTIONS.map(async (content) => {
      const answer = await connected.fetch(`${connected.baseURL}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content }] }),
      });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ choices: [{ message: { content: `You said: ${content}` } }] });
      return answer.headers.get('x-receipt-id');
    }),
  );
  expect(new Set(receipts).size).toBe(100);
});

it('serves HTTPS under a key made in the enclave, whose hash is in the attested keyset', { timeout: 60_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'assay-tls-'));
  const secure = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: home,
      ASSAY_LOG_LEVEL: 'error',
      AI_PROVIDER: 'recorded',
      ASSAY_TLS: 'enclave',
    }),
  );
  try {
    expect(secure.url).toMatch(/^https:/);
    let pinned = '';
    const overTls: typeof fetch = (input, init) =>
      new Promise((resolve, reject) => {
        const url = new URL(input instanceof Request ? input.url : input);
        const body = init?.body as Uint8Array | undefined;
        const headers = { ...Object.fromEntries(new Headers(init?.headers)), 'content-length': String(body?.length ?? 0) };
        // Not authenticated by TLS on purpose: the pin below and the sealed channel are.
        const sent = httpsRequest(url, { method: init?.method ?? 'GET', headers, rejectUnauthorized: false }, (answer) => {
          const certificate = (answer.socket as TLSSocket).getPeerX509Certificate();
          // A resumed session carries no certificate; the first one did.
          if (certificate !== undefined) pinned = spkiHash(certificate);
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('end', () =>
            resolve(
              new Response(Buffer.concat(parts), {
                status: answer.statusCode ?? 0,
                headers: { 'content-type': answer.headers['content-type'] ?? '' },
              }),
            ),
          );
        });
        sent.on('error', reject);
        sent.end(body);
      });
    const root = readFileSync(join(home, 'simulated-root.pem'));
    const connected = await connect(secure.url, { trust: { simulatedRoot: root }, fetch: overTls });
    expect(connected.attested.keyset.tls_public_keys).toEqual([{ spki_sha256: pinned }]);
    expect((await connected.chat('Say hello')).text.length).toBeGreaterThan(0);
  } finally {
    await secure.close();
    rmSync(home, { recursive: true, force: true });
  }
});
