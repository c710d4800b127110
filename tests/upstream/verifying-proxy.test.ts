/** An unmodified OpenAI client, the verifying proxy, and a service that signs in a TEE: proofs that anybody verifies offline, and lies. */

import { utf8 } from '@assay/encoding/bytes';
import type { RedpillLie, RedpillServerOptions } from '@assay/testing';
import { openUpstream, verify } from 'assay';
import { describe, expect, test } from 'vitest';
import { MODEL, messages, start, streamed, verifyOffline } from './proxy-line.ts';

describe.each<RedpillServerOptions & { readonly name: string }>([
  { name: 'ECDSA' },
  { name: 'Ed25519, model in the text', algorithm: 'ed25519', text: 'model' },
  { name: 'a gateway in front', shape: 'two-layer' },
])('$name', (options) => {
  test('streamed and whole answers arrive, each with a proof that is accepted offline', async () => {
    const { openai, kept, events, server, opening, upstream } = await start(options);
    expect(upstream).toMatchObject({ kind: 'redpill', verdict: { outcome: 'accepted', simulated: true } });
    expect(await streamed(openai)).toBe('Grüße aus dem Enclave: 42.');
    const whole = await openai.chat.completions.create({ model: MODEL, messages });
    expect(whole.choices[0]?.message.content).toContain('42');
    await expect.poll(() => kept.length).toBe(2);
    expect(kept[1]?.id).toBe(whole.id);
    expect(events.filter(({ type }) => type === 'proved')).toHaveLength(2);
    expect(server.requests.filter(({ url }) => url.startsWith('/v1/attestation'))).toHaveLength(1);
    await server.close();
    for (const { bytes } of kept) {
      const verdict = await verifyOffline(bytes, opening);
      expect(verdict).toMatchObject({ outcome: 'accepted', type: 'proof', simulated: true });
      expect(verdict.checks.map(({ id }) => id)).toEqual(expect.arrayContaining(['proof.signature', 'proof.bytes']));
      expect(verdict.limits.join()).toContain('the report vouches for the key that signs answers, not for the connection');
    }
  });
});

test('every change to a proof is refused, and a simulator that is not named', async () => {
  const { openai, kept, opening } = await start();
  await streamed(openai);
  await expect.poll(() => kept.length).toBe(1);
  const bytes = kept[0]?.bytes ?? new Uint8Array(0);
  const proof = JSON.parse(new TextDecoder().decode(bytes));
  const other = { hash: `sha256:${'11'.repeat(32)}` };
  const report = JSON.parse(Buffer.from(proof.report, 'base64').toString());
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
  const table: readonly [object, string | null][] = [
    [{ request: { ...proof.request, ...other } }, 'answer/request-mismatch'],
    [{ response: { hash: other.hash } }, 'answer/response-mismatch'],
    [{ response: { ...proof.response, bytes: encoded('lies') } }, 'answer/response-mismatch'],
    [{ nonce: '22'.repeat(32) }, null],
    [{ nonce: 'short' }, 'proof/malformed'],
    [{ time: '2125-01-01T00:00:00Z' }, 'proof/not-yet-made'],
    [{ time: '2020-01-01T00:00:00Z' }, 'certificate/not-yet-valid'],
    [{ signature: encoded({ text: 'ok' }) }, 'answer/malformed'],
    [{ collateral: {} }, 'dcap/collateral-missing'],
    [{ report: encoded({ ...report, signing_address: `0x${'33'.repeat(20)}`, all_attestations: [] }) }, 'combined/'],
  ];
  for (const [change, code] of table) {
    const verdict = await verifyOffline(utf8(JSON.stringify({ ...proof, ...change })), opening);
    expect(verdict.outcome, JSON.stringify(change).slice(0, 80)).not.toBe('accepted');
    if (code !== null) expect(verdict.error?.code).toContain(code);
  }
  expect((await verify(bytes, { now: Date.now() })).outcome).not.toBe('accepted');
  const stripped = { ...proof, request: { hash: proof.request.hash }, response: { hash: proof.response.hash } };
  const hashes = await verifyOffline(utf8(JSON.stringify(stripped)), opening);
  expect(hashes.outcome).toBe('accepted');
  expect(hashes.checks.find(({ id }) => id === 'proof.bytes')?.outcome).toBe('not-checked');
});

test.each<RedpillLie>([
  'wrong-nonce',
  'replayed-report',
  'other-address',
  'debug-td',
  'missing-quote',
  'expired-collateral',
  'outdated-tcb',
  'no-report',
])('%s: nothing is opened, and no prompt of another model leaves', async (lie) => {
  const { server, openai, opening, events } = await start();
  server.lie = lie;
  await expect(openUpstream(new URL(server.origin), opening, 'redpill')).rejects.toMatchObject({
    code: expect.stringMatching(/^(client\/attestation-refused|service\/refused)$/),
  });
  await expect(streamed(openai, 'phala/qwen-2.5-7b-instruct')).rejects.toMatchObject({ status: 502 });
  expect(server.prompts()).toEqual([]);
  expect(server.requests.map(({ body }) => Buffer.from(body).toString()).join()).not.toContain('secret');
  expect(events.map(({ type }) => type)).toEqual(['refused']);
});

test.each<[RedpillLie, string]>([
  ['tampered-response', 'answer/response-mismatch'],
  ['other-request', 'answer/request-mismatch'],
  ['forged-signature', 'answer/signature-invalid'],
  ['other-signer', 'answer/address-mismatch'],
  ['no-signature', 'service/signature-missing'],
  ['malformed-signature', 'answer/malformed'],
])('%s: the answer ends in an error and leaves no proof', async (lie, code) => {
  const { server, openai, kept, events } = await start();
  server.lie = lie;
  await expect(streamed(openai)).rejects.toThrow();
  await expect(openai.chat.completions.create({ model: MODEL, messages })).rejects.toMatchObject({
    status: 502,
    code,
  });
  await expect.poll(() => events.filter(({ type }) => type === 'refused')).toHaveLength(2);
  expect(events).toContainEqual(expect.objectContaining({ type: 'refused', code }));
  expect(kept).toEqual([]);
});

test('requests that name no model are refused; lists pass through without a proof', async () => {
  const { server, upstream, openai } = await start();
  expect((await openai.models.list()).data.map(({ id }) => id)).toContain(MODEL);
  const request = new Request('http://127.0.0.1:1/v1/chat/completions', { method: 'POST', body: '{"messages":[]}' });
  await expect(upstream.forward(request)).rejects.toMatchObject({ code: 'client/agent-refused' });
  expect(server.prompts()).toEqual([]);
});
