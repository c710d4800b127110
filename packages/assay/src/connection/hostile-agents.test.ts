/** Agents that are strangers, newer, or gone: each ends in one coded line that says what to do, within bounds. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { expectAdvice, FAKE_NOW, fakeLog, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import { verifyBundle } from '../verification/bundle.ts';
import { verify } from '../verification/verify.ts';
import { connect } from './connect.ts';

const URL_OF_AGENT = 'https://agent.example';
const KIB = 1024;

/** `answer` instead of the report, which the honest agent gives. */
async function connecting(answer: (honest: JsonObject) => Response) {
  const agent = await sealedAgent({ answer: () => new Response('never asked') });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const honest = await agent.fetch(input, init);
    return answer(parseJson(new Uint8Array(await honest.arrayBuffer())) as JsonObject);
  };
  const error: unknown = await connect(URL_OF_AGENT, {
    trust: { simulatedRoot: agent.rootPem },
    ...{ fetch, now: () => FAKE_NOW },
  }).catch((reason: unknown) => reason);
  return { error: error as Error, opened: agent.opened };
}

test('client/attestation-malformed: a report without end is cut off at its bound', async () => {
  let read = 0;
  let cancelled = false;
  const { error, opened } = await connecting(() => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 64 * KIB;
        controller.enqueue(new Uint8Array(64 * KIB).fill(0x20));
      },
      cancel() {
        cancelled = true;
      },
    });
    return new Response(body);
  });
  expect(error).toMatchObject({ code: 'client/attestation-malformed' });
  expectAdvice(error.message, ['at most 4194304 bytes', 'got more']);
  expect(read).toBeLessThan(5 * KIB * KIB);
  expect([cancelled, opened]).toEqual([true, []]);
});

test('client/attestation-refused: an agent that is newer than this package is said to be that, and is told nothing', async () => {
  for (const newer of [{ api_version: 'aci/2' }, { api_version: 'aci/2', surprise: [{}] }]) {
    const { error, opened } = await connecting((honest) => Response.json({ ...honest, ...newer }));
    expect(error).toMatchObject({ code: 'client/attestation-refused', details: { verdict: { outcome: 'malformed' } } });
    expectAdvice(error.message, ['expected api_version aci/1, got "aci/2"', 'newer than this package', 'update Assay']);
    expect(opened).toEqual([]);
  }
});

test('a report with members this package does not know is taken by what it knows', async () => {
  const agent = await sealedAgent({ answer: () => new Response('hello') });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const honest = await agent.fetch(input, init);
    return Response.json({ ...((await honest.json()) as object), later: { v: 2 } });
  };
  const options = { trust: { simulatedRoot: agent.rootPem }, fetch, now: () => FAKE_NOW };
  expect((await connect(URL_OF_AGENT, options)).attested.verdict.outcome).toBe('accepted');
});

test('report/evidence-missing: a bundle of a TEE that this package does not know', async () => {
  const { bytes } = fakeLog();
  for (const verdict of [await verifyBundle(bytes, { now: FAKE_NOW }), await verify(bytes, { now: FAKE_NOW })]) {
    expect(verdict).toMatchObject({ outcome: 'malformed', type: 'bundle', error: { code: 'report/evidence-missing' } });
    expectAdvice(verdict.error?.message ?? '', ['evidence of a known TEE', 'newer than this verifier']);
  }
});

test('bundle/malformed: a bundle of a later format', async () => {
  const bundle = parseJson(fakeLog().bytes) as JsonObject;
  const later = utf8(canonicalJson({ ...bundle, format: 'assay-bundle/2', anchors: [] }));
  const verdict = await verify(later, { now: FAKE_NOW });
  expect(verdict).toMatchObject({ outcome: 'malformed', type: 'bundle', error: { code: 'bundle/malformed' } });
  expectAdvice(verdict.error?.message ?? '', ['assay-bundle/1, got "assay-bundle/2"', 'update Assay']);
});

test('client/task-lost: an agent that restarted during a run says what became of it', { timeout: 30_000 }, async () => {
  let broken = 0;
  const agent = await sealedAgent({
    answer: (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === 'POST') return Response.json({ status: 'running' }, { status: 202 });
      if (!pathname.endsWith('/events')) return Response.json({ status: 'interrupted', code: 'task/interrupted' });
      broken += 1;
      const done = JSON.stringify({
        type: 'done',
        sequence: 1,
        at: 1,
        success: false,
        status: 'interrupted',
        error: 'task/interrupted',
      });
      const text = broken === 1 ? ': gone\n\n' : `id: 1\ndata: ${done}\n\n`;
      return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    },
  });
  const client = await connect(URL_OF_AGENT, {
    ...{ trust: { simulatedRoot: agent.rootPem }, fetch: agent.fetch, now: () => FAKE_NOW },
  });
  const error: unknown = await client.run('x').then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'client/task-lost', kind: 'unavailable' });
  expectAdvice((error as Error).message, ['it is interrupted', 'start it again']);
  expect(broken).toBe(2);
});
