/** A keyset's whole life, as a relying party sees it: real agent, real channel, a clock that the test moves. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encapsulateRequest, encodeRequest, MEDIA_TYPES, ohttpKey, parseKeyConfigs } from '@assay/channel';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { parseBundle, parseReceipt, parseReport, verifyReceiptSignature } from '@assay/receipt';
import { startOpenAiServer } from '@assay/testing';
import { type ConnectOptions, connect, verifyReceipt } from 'assay';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { type ClockedAgent, startClockedAgent, temporary, wire } from './agent.ts';

const KEY_CONFIG_PROBLEM = 'https://iana.org/assignments/http-problem-types#ohttp-key';
const HOUR = 3_600_000;

const optionsOf = ({ root, now }: ClockedAgent): ConnectOptions => ({ trust: { simulatedRoot: root }, now });
const listed = async (url: string): Promise<readonly number[]> =>
  parseKeyConfigs(new Uint8Array(await (await fetch(`${url}/ohttp-keys`)).arrayBuffer())).map(({ keyId }) => keyId);

/** Runs the command line without a network at a time, as a stranger would. */
async function offline(args: readonly string[], cwd: string, now: number): Promise<{ code: number; text: string }> {
  const said: string[] = [];
  const io: Io = {
    stdin: () => Promise.reject(new Error('no input')),
    stdout: (piece) => void said.push(piece),
    stderr: (piece) => void said.push(piece),
    cwd,
    env: {},
    fetch: () => Promise.reject(new Error('no network')),
    now: () => now,
    columns: null,
    interactive: false,
    signal: new AbortController().signal,
  };
  return { code: await run(args, io), text: said.join('') };
}

it('is replaced ahead of its end, opens requests for the overlap, and then no more', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent({ ASSAY_KEY_HOURS: '24', ASSAY_KEY_OVERLAP_MINUTES: '60' });
  const line = wire();
  const early = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  const idle = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  const first = early.attested.report.keysetDigest;
  const notAfter = early.attested.keyset.not_after * 1000;
  expect(notAfter - clocked.now()).toBeGreaterThan(23.9 * HOUR);
  const { receipt: before } = await early.chat('before');
  expect(before.workload_keyset_digest).toBe(first);
  expect(await listed(clocked.url)).toEqual([1, 2]);

  clocked.set(notAfter - HOUR - 2000);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await clocked.keysetDigest(), 'not yet').toBe(first);
  clocked.set(notAfter - HOUR + 1000);
  const second = await clocked.replaced(first);
  expect(await listed(clocked.url), 'both, the new ones first').toEqual([3, 4, 1, 2]);

  // A request to the old key is opened; its receipt is of the new keyset, which the client verifies by itself.
  line.passed.length = 0;
  const between = await early.chat('in between');
  expect(between.receipt.workload_keyset_digest).toBe(second);
  expect(early.attested.report.keysetDigest).toBe(second);
  expect(line.paths()).toEqual(['/ohttp 200', '/ohttp 200', '/v1/aci/attestation 200']);
  const proof = JSON.parse(new TextDecoder().decode(between.proof.encode())) as {
    report: { workload_keyset_digest: string };
  };
  expect(proof.report.workload_keyset_digest).toBe(second);

  // After the end: refused in clear with the problem that asks to verify again, unopened.
  const message = encodeRequest({
    method: 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/health',
    headers: [],
    body: new Uint8Array(0),
  });
  const old = await encapsulateRequest(ohttpKey(idle.attested.keyset.e2ee_public_keys), message);
  const post = () =>
    fetch(`${clocked.url}/ohttp`, {
      method: 'POST',
      headers: { 'content-type': MEDIA_TYPES.request },
      body: old.bytes as BodyInit,
    });
  clocked.set(notAfter);
  const refused = await post();
  expect([refused.status, await refused.json()]).toMatchObject([
    422,
    { code: 'channel/key-unknown', type: KEY_CONFIG_PROBLEM },
  ]);
  expect(await listed(clocked.url)).toEqual([3, 4]);

  // A client that slept through it all verifies again before it sends anything: its own clock says that the keyset ended.
  line.passed.length = 0;
  const after = await idle.chat('after');
  expect(line.paths()[0]).toBe('/v1/aci/attestation 200');
  expect(after.receipt.workload_keyset_digest).toBe(second);

  // Receipts of both keysets in one file, verified without network or agent; the first keyset named the second.
  const ids = [before, between.receipt, after.receipt].map(({ receipt_id: id }) => id);
  const bytes = new Uint8Array(await (await fetch(`${clocked.url}/bundles/${ids.join(',')}`)).arrayBuffer());
  expect(parseBundle(bytes)).toMatchObject({ reports: { length: 2 }, successions: [{ successor: second }] });
  const home = temporary();
  writeFileSync(join(home, 'bundle.json'), bytes);
  writeFileSync(join(home, 'root.pem'), readFileSync(clocked.rootFile));
  const verified = await offline(['verify', 'bundle.json', '--simulated-root', 'root.pem', '--verbose'], home, clocked.now());
  expect(verified.text).toContain('bundle.succession');
  expect(verified.code, verified.text).toBe(0);
  // A receipt alone is verified under the report of its own keyset, whichever others are at hand.
  const reports = [...parseBundle(bytes).reports].reverse();
  const alone = await verifyReceipt(utf8(canonicalJson(before)), {
    ...{ now: clocked.now(), trust: { simulatedRoot: clocked.root } },
    collateral: reports.map(({ report }) => ({ kind: 'json', name: 'report', json: canonicalJson(report) })),
  });
  expect(alone.outcome, JSON.stringify(alone.error)).toBe('accepted');
  writeFileSync(join(home, 'proof.json'), between.proof.encode());
  expect((await offline(['verify', 'proof.json', '--simulated-root', 'root.pem'], home, clocked.now())).code).toBe(0);
});

it('loses and mixes up nothing in flight, with an overlap and without', { timeout: 180_000 }, async () => {
  const model = await startOpenAiServer({
    answers: ({ body }) => ({ kind: 'text', text: `<${body.messages.at(-1)?.content}>` }),
    pieceLength: 1000,
  });
  onTestFinished(() => model.close());
  const clocked = await startClockedAgent({
    ASSAY_OPERATOR_KEY: 'operator-key-of-the-test',
    AI_PROVIDER: 'ollama',
    AI_API_BASE: model.base,
  });
  const clients = await Promise.all([1, 2, 3, 4].map(() => connect(clocked.url, optionsOf(clocked))));
  let asking = true;
  const answered: string[] = [];
  const keysets = new Set<string>();
  const work = clients.flatMap((client, who) =>
    [1, 2, 3].map(async (lane) => {
      for (let n = 0; asking || n < 4; n += 1) {
        const mark = `question ${who}/${lane}/${n}`;
        const streamed = n % 2 === 0;
        const answer = await client.fetch(`${client.baseURL}/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'default', stream: streamed, messages: [{ role: 'user', content: mark }] }),
        });
        expect(answer.status, mark).toBe(200);
        const text = await answer.text();
        expect(text).toContain(`<${mark}>`);
        expect(text.includes('[DONE]')).toBe(streamed);
        const id = answer.headers.get('x-receipt-id')!;
        answered.push(id);
        const { receipt } = await client.proof(id);
        keysets.add(receipt.workload_keyset_digest);
      }
    }),
  );
  const rotate = async (body?: object) => {
    const before = answered.length;
    await vi.waitUntil(() => answered.length >= before + 8, { timeout: 60_000 }); // under way in every keyset
    const answer = await fetch(`${clocked.url}/api/operator/rotate-keys`, {
      method: 'POST',
      headers: { 'x-operator-key': 'operator-key-of-the-test' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.status, await answer.clone().text()).toBe(200);
  };
  for (const body of [undefined, { overlap_seconds: 0 }, {}, { overlap_seconds: 0 }, { overlap_seconds: 0 }])
    await rotate(body);
  asking = false;
  await Promise.all(work);
  expect(new Set(answered).size).toBe(answered.length);
  expect(answered.length).toBeGreaterThanOrEqual(48);
  expect(keysets.size).toBeGreaterThan(2);
  for (const id of answered) expect((await fetch(`${clocked.url}/v1/aci/receipts/${id}`)).status).toBe(200);
});

it('seals every answer under the keyset whose report it carries', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent();
  const nonces = new Set<string>();
  const digests = new Set<string>();
  let rotating = true;
  const rotations = (async () => {
    for (let n = 0; n < 6; n += 1) await clocked.agent.rotateKeys(0);
    rotating = false;
  })();
  for (let n = 0; rotating || n < 6; n += 1) {
    const nonce = Buffer.alloc(32, n + 1).toString('hex');
    const answer = await fetch(`${clocked.url}/api/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        nonce,
        data: { type: 'file_write', path: '/tmp/a.txt', content: String(n), include_attestation: true },
      }),
    });
    const { attestation, receipt } = (await answer.json()) as { attestation: { report: JsonObject }; receipt: unknown };
    const { keyset, keysetDigest } = parseReport(attestation.report, nonce);
    await verifyReceiptSignature(parseReceipt(receipt), keyset);
    digests.add(keysetDigest);
    nonces.add(nonce);
  }
  await rotations;
  expect(nonces.size).toBeGreaterThanOrEqual(6);
  expect(digests.size).toBeGreaterThan(1);
});
