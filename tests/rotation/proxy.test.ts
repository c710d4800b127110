/** The verifying proxy in front of an agent that replaces its keys: its clients notice nothing, and every proof it keeps verifies. */

import { parseBundle } from '@assay/receipt';
import { createVerifyingProxy, openUpstream, type ProofFile, verifyBundle } from 'assay';
import { expect, it } from 'vitest';
import { startClockedAgent, wire } from './agent.ts';

it('goes along with a rotation, and refuses one to a keyset that is not attested', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent();
  let spoiling = false;
  const line = wire(async (request, carry) => {
    const answer = await carry();
    if (!spoiling || !new URL(request.url).pathname.endsWith('/attestation')) return answer;
    return Response.json({ ...((await answer.json()) as object), attestation: {} });
  });
  const trust = { simulatedRoot: clocked.root };
  const options = { trust, now: clocked.now, fetch: line.fetch };
  const upstream = await openUpstream(new URL(clocked.url), options, 'aci');
  const kept: ProofFile[] = [];
  const proxy = createVerifyingProxy({ upstream, keep: async (proof) => void kept.push(proof) });
  const ask = async (): Promise<{ status: number; text: string }> => {
    const answer = await proxy(
      new Request('http://127.0.0.1:1/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'hello' }] }),
      }),
    );
    return { status: answer.status, text: await answer.text() };
  };
  expect((await ask()).status).toBe(200);
  await clocked.agent.rotateKeys(0);
  expect((await ask()).status).toBe(200);
  await clocked.agent.rotateKeys();
  expect((await ask()).status).toBe(200);
  const digests = new Set<string>();
  for (const { bytes } of kept) {
    const verdict = await verifyBundle(bytes, { now: clocked.now(), trust });
    expect(verdict.outcome, JSON.stringify(verdict.error)).toBe('accepted');
    digests.add(parseBundle(bytes).receipts[0]!.receipt.workload_keyset_digest);
  }
  expect([kept.length, digests.size]).toEqual([3, 3]);

  await clocked.agent.rotateKeys(0);
  spoiling = true;
  line.passed.length = 0;
  const refused = await ask();
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([502, { error: { type: 'verification_error' } }]);
  expect(line.paths()).toEqual(['/ohttp 422', '/v1/aci/attestation 200']);
  expect(kept.length).toBe(3);
});
