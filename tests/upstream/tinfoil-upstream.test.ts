/** The agent's Tinfoil upstream against a stand-in: keys attested before the first byte, prompts sealed, every lie refused. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_POLICY, type Policy } from '@assay/attestation';
import { createTlsDialer } from '@assay/channel/tls';
import { encodeHex } from '@assay/encoding/hex';
import {
  FAKE_NOW,
  startTinfoilServer,
  type TinfoilLie,
  type TinfoilPlatform,
  type TinfoilServer,
  type TinfoilServerOptions,
} from '@assay/testing';
import { serviceKind } from '@assay/upstream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAttestedUpstream } from '../../packages/agent/src/adapters/upstreams/attested-upstream.ts';
import type { Upstream } from '../../packages/agent/src/ports/upstream.ts';

const MODEL = 'llama3-3-70b';

interface Line {
  readonly server: TinfoilServer;
  readonly upstream: Upstream;
}

interface LineOptions extends TinfoilServerOptions {
  readonly genuine?: boolean;
  readonly policy?: (server: TinfoilServer, roots: readonly string[]) => Promise<Policy>;
}

async function line({ genuine = false, policy, ...options }: LineOptions = {}): Promise<Line> {
  const now = options.platform === 'sev-snp' ? () => FAKE_NOW : Date.now;
  const server = await startTinfoilServer({ apiKey: 'key', now, ...options });
  onTestFinished(server.close);
  const anchors = (await server.anchors()).map((anchor) => ({ ...anchor, simulated: !genuine }));
  const roots = await Promise.all(
    anchors.map(async ({ spki }) => encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki as BufferSource)))),
  );
  const dialer = createTlsDialer({ authorities: server.authorities });
  const wanted = { ...DEFAULT_POLICY, simulatedRoots: roots };
  const upstream = createAttestedUpstream({
    ...{ name: 'tinfoil', base: `${server.origin}/v1`, apiKey: 'key', defaultModel: MODEL, timeoutMs: 5000 },
    kind: serviceKind('tinfoil'),
    service: {
      ...{ base: server.origin, apiKey: 'key', fetch: dialer.open, dialer, channel: 'any', now, sleep },
      policy: policy === undefined ? wanted : await policy(server, roots),
      trust: { roots: anchors },
      // AMD's key service has no stand-in: its certificates are at hand.
      endorsements: options.platform === 'sev-snp' ? await server.endorsements() : [],
      collateral: options.platform === 'sev-snp' ? null : { services: { intel: server.origin } },
    },
  });
  return { server, upstream };
}

async function ask({ upstream }: Line, stream = true) {
  const standing = await upstream.standing(MODEL);
  const sent = new TextEncoder().encode(
    JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'my secret' }], stream, tools: [{ secret: 1 }] }),
  );
  const answer = await upstream.forward(
    { path: '/v1/chat/completions', body: sent, signal: AbortSignal.timeout(5000) },
    standing,
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.body) pieces.push(piece);
  const received = new Uint8Array(Buffer.concat(pieces));
  return { standing, received, proof: (await answer.finish?.({ sent, received })) ?? null };
}

const everything = ({ server }: Line): string =>
  server.requests.map(({ url, headers, body }) => url + JSON.stringify(headers) + Buffer.from(body).toString('latin1')).join();

describe.each<[TinfoilPlatform, 'members' | 'sections']>([
  ['tdx', 'sections'],
  ['tdx', 'members'],
  ['sev-snp', 'sections'],
  ['sev-snp', 'members'],
])('%s, %s', (platform, form) => {
  test.each([true, false])('prompts go sealed to attested keys, streamed: %s', async (stream) => {
    const found = await line({ platform, form });
    const { standing, received, proof } = await ask(found, stream);
    if (standing.result === 'failed') return expect.unreachable(standing.reason);
    expect(new TextDecoder().decode(received)).toContain(stream ? '[DONE]' : 'Enclave: 42.');
    expect(found.server.opened).toMatchObject([{ messages: [{ content: 'my secret' }], stream }]);
    expect(found.server.plain()).toEqual([]);
    expect(everything(found)).not.toContain('secret');
    expect(standing.session.document).toMatchObject({
      upstream_name: 'tinfoil',
      endpoint: found.server.origin,
      identity: { tls_spki_sha256: found.server.tlsKey, hpke_public_key: found.server.hpkeKey },
      channel_binding: [
        { type: 'tls_spki_sha256', origin: found.server.origin, spki_sha256: found.server.tlsKey },
        { type: 'e2ee_public_key_sha256', provider: 'tinfoil', algorithm: 'x25519' },
      ],
      claims: { tee_attested: { status: 'unknown' }, extra: { simulated: true, hpke_key_in_tee: false } },
    });
    expect(proof?.event).toMatchObject({
      type: 'upstream.sealed',
      sealed: 'ehbp',
      session_id: standing.session.sessionId,
      response_nonce: expect.stringMatching(/^[0-9a-f]{64}$/),
      simulated: true,
    });
  });

  test('genuine evidence is named as what it is', async () => {
    const { standing } = await ask(await line({ platform, form, genuine: true }));
    expect(standing).toMatchObject({
      session: {
        facts: { type: platform === 'tdx' ? 'intel_tdx' : 'amd_sev', simulated: false },
        document: {
          claims: {
            tee_attested: {
              status: 'asserted',
              source: 'hardware_proven',
              reason: expect.stringMatching(/TLS key.*encrypted/),
            },
            tcb_up_to_date: { status: platform === 'tdx' ? 'asserted' : 'unknown' },
          },
        },
      },
    });
  });

  test('the policy decides which measurement is wanted', async () => {
    const wanting = (value: (measured: string) => string) => async (server: TinfoilServer, roots: readonly string[]) => {
      const [name, measured] = await server.measurement();
      return { ...DEFAULT_POLICY, simulatedRoots: [...roots], measurements: [{ values: { [name]: [value(measured)] } }] };
    };
    expect((await ask(await line({ platform, form, policy: wanting((value) => value) }))).proof).not.toBeNull();
    const other = await line({ platform, form, policy: wanting((value) => value.replace(/^../, 'ff')) });
    await expect(ask(other)).rejects.toMatchObject({
      code: 'upstream/not-verified',
      message: expect.stringContaining('measurement'),
    });
    expect(other.server.opened).toEqual([]);
  });

  test.each<[TinfoilLie, RegExp]>([
    ['stale', /nonce/],
    ['stale-edited', /combined\/key-unbound/],
    ['other-tls-key', /combined\/key-unbound/],
    ['other-hpke-key', /combined\/key-unbound/],
    ['boot-document', /combined\/|nonce|evidence\//],
    ['dummy-document', /combined\/|evidence\//],
    ['tampered-report', /dcap\/|snp\//],
    ['debug', /debug/],
    ['no-document', /service\/refused/],
  ])('%s: nothing is sent', async (lie, reason) => {
    const found = await line({ platform, form });
    found.server.lie = lie;
    expect(await found.upstream.standing(MODEL)).toEqual({ result: 'failed', reason: expect.stringMatching(reason) });
    await expect(ask(found)).rejects.toMatchObject({ code: 'upstream/not-verified' });
    expect(found.server.opened).toEqual([]);
    expect(everything(found)).not.toContain('secret');
  });
});

describe('after verification', () => {
  test.each<[TinfoilLie, string, string]>([
    ['rotated-hpke-key', 'upstream/channel-mismatch', 'channel/key-unknown'],
    ['answer-in-clear', 'upstream/proof-invalid', 'channel/response-unencrypted'],
    ['bad-response-nonce', 'upstream/proof-invalid', 'channel/message-malformed'],
    ['tampered-answer', 'upstream/proof-invalid', 'channel/decryption-failed'],
    ['truncated-answer', 'upstream/proof-invalid', 'channel/truncated'],
    ['foreign-answer', 'upstream/proof-invalid', 'channel/decryption-failed'],
  ])('%s is refused', async (lie, code, reason) => {
    for (const stream of [true, false]) {
      const found = await line();
      await ask(found, stream);
      found.server.lie = lie;
      await sleep(50);
      await expect(ask(found, stream)).rejects.toMatchObject({ code, message: expect.stringContaining(reason) });
      expect(found.server.plain()).toEqual([]);
      expect(everything(found)).not.toContain('secret');
      found.server.lie = null;
      await sleep(50);
      expect((await ask(found, stream)).proof).not.toBeNull();
    }
  });

  test('somebody else at that address gets no byte of a prompt, not even a sealed one', async () => {
    const found = await line();
    await ask(found);
    found.server.lie = 'wrong-tls-key';
    await sleep(50);
    const before = found.server.requests.length;
    await expect(ask(found)).rejects.toMatchObject({ code: 'upstream/channel-mismatch' });
    expect(found.server.requests).toHaveLength(before);
    expect(found.upstream.sessions()).toEqual([]);
  });

  test('errors of the enclave are answers', async () => {
    const found = await line({ models: ['another'] });
    const standing = await found.upstream.standing(MODEL);
    const body = new TextEncoder().encode(JSON.stringify({ model: MODEL, messages: [] }));
    const answer = await found.upstream.forward(
      { path: '/v1/chat/completions', body, signal: AbortSignal.timeout(5000) },
      standing,
    );
    expect(answer.status).toBe(404);
    expect(answer.finish).toBeUndefined();
  });

  test('an address without TLS is refused unasked', async () => {
    const dialer = createTlsDialer();
    const upstream = createAttestedUpstream({
      ...{ name: 'tinfoil', base: 'http://127.0.0.1:9/v1', apiKey: null, defaultModel: MODEL, timeoutMs: 100 },
      kind: serviceKind('tinfoil'),
      service: {
        base: 'http://127.0.0.1:9',
        apiKey: null,
        fetch: dialer.open,
        dialer,
        channel: 'any',
        now: Date.now,
        sleep,
        policy: DEFAULT_POLICY,
        collateral: null,
      },
    });
    expect(await upstream.standing(MODEL)).toMatchObject({ result: 'failed', reason: expect.stringContaining('https') });
  });
});

test('one verification holds for all models', async () => {
  const found = await line();
  await Promise.all([ask(found), ask(found)]);
  const documents = found.server.requests.filter(({ url }) => url.startsWith('/.well-known/tinfoil-attestation'));
  expect(documents.map(({ url }) => url)).toEqual([expect.stringMatching(/\?nonce=[0-9a-f]{64}$/)]);
  expect(documents[0]?.headers.authorization).toBeUndefined();
  expect(found.upstream.sessions()).toHaveLength(1);
});
