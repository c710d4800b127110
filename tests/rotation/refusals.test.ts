/** What a client does when a key is refused: verify and appraise again, and repeat only what was provably not answered. */

import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_POLICY } from '@assay/attestation';
import { type ConnectOptions, connect } from 'assay';
import { expect, it } from 'vitest';
import { type ClockedAgent, startClockedAgent, temporary, wire } from './agent.ts';

const optionsOf = ({ root, now }: ClockedAgent): ConnectOptions => ({ trust: { simulatedRoot: root }, now });
const PROMPT = 'my secret question';

/** Receipts of questions; the agent's own are left out. */
const receiptsOf = async (url: string): Promise<number> => {
  const { receipts } = (await (await fetch(`${url}/api/receipts`)).json()) as { receipts: readonly { task: string }[] };
  return receipts.filter(({ task }) => task !== 'version_floor').length;
};

it('a key that has ended: verified again, then sent again once, without a word of it in clear', {
  timeout: 180_000,
}, async () => {
  const clocked = await startClockedAgent();
  const line = wire();
  const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  await clocked.agent.rotateKeys(0);
  line.passed.length = 0;
  expect((await agent.chat(PROMPT)).text.length).toBeGreaterThan(0);
  expect(line.paths()).toEqual(['/ohttp 422', '/v1/aci/attestation 200', '/ohttp 200', '/ohttp 200']);
  expect(line.passed.map(({ body }) => new TextDecoder('latin1').decode(body)).join()).not.toContain('secret');
  expect(await receiptsOf(clocked.url)).toBe(1);
});

it('many requests refused at once are verified again once', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent();
  const line = wire();
  const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  await clocked.agent.rotateKeys(0);
  line.passed.length = 0;
  await Promise.all(Array.from({ length: 16 }, () => agent.chat(PROMPT)));
  expect(line.passed.filter(({ path }) => path.endsWith('/attestation')).length).toBe(1);
  expect(await receiptsOf(clocked.url)).toBe(16);
});

it.each<[string, (other: ClockedAgent) => (answer: Response, url: URL) => Promise<Response>, RegExp]>([
  [
    'a swapped key',
    () => async (answer) => {
      const report = (await answer.json()) as {
        attestation: { workload_keyset: { e2ee_public_keys: { public_key: string }[] } };
      };
      report.attestation.workload_keyset.e2ee_public_keys[0]!.public_key = 'ab'.repeat(32);
      return Response.json(report);
    },
    /^client\/attestation-refused$/,
  ],
  [
    'a simulator that was not named',
    (other) => async (_answer, url) => fetch(`${other.url}${url.pathname}${url.search}`),
    /^client\/attestation-refused$/,
  ],
  ['no report', () => async () => new Response('gone', { status: 500 }), /^client\/agent-unreachable$/],
])('a rotation to %s is refused, and nothing is sent', { timeout: 180_000 }, async (_name, spoilWith, code) => {
  const clocked = await startClockedAgent();
  const spoil = spoilWith(await startClockedAgent());
  let spoiling = false;
  const line = wire(async (request, carry) => {
    const url = new URL(request.url);
    return spoiling && url.pathname.endsWith('/attestation') ? spoil(await carry(), url) : carry();
  });
  const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  await clocked.agent.rotateKeys(0);
  spoiling = true;
  line.passed.length = 0;
  await expect(agent.chat(PROMPT)).rejects.toMatchObject({ code: expect.stringMatching(code) });
  const [refused, ...after] = line.passed;
  expect(refused).toMatchObject({ path: '/ohttp', status: 422 });
  expect(after.map(({ path }) => path)).toEqual(['/v1/aci/attestation']);
  expect(await receiptsOf(clocked.url)).toBe(0);
});

it('a policy that the next keyset does not meet: refused under the same policy', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent();
  const line = wire();
  // The evidence is too old for the policy when the client's clock runs ahead.
  let ahead = 0;
  const agent = await connect(clocked.url, {
    ...optionsOf(clocked),
    policy: { ...DEFAULT_POLICY, freshness: { maxAgeSeconds: 300, skewSeconds: 60, required: true } },
    now: () => clocked.now() + ahead,
    fetch: line.fetch,
  });
  await clocked.agent.rotateKeys(0);
  ahead = 7_200_000;
  line.passed.length = 0;
  await expect(agent.chat(PROMPT)).rejects.toMatchObject({ code: 'client/attestation-refused' });
  expect(line.paths()).toEqual(['/ohttp 422', '/v1/aci/attestation 200']);
});

it('a refusal that somebody made up while the key is in use: nothing is sent again', { timeout: 180_000 }, async () => {
  const clocked = await startClockedAgent();
  let lying = false;
  const line = wire(async (request, carry) => {
    const answer = await carry();
    return lying && new URL(request.url).pathname === '/ohttp' ? new Response('{}', { status: 422 }) : answer;
  });
  const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  lying = true;
  await expect(agent.chat(PROMPT)).rejects.toMatchObject({ code: 'client/key-refused' });
  expect(await receiptsOf(clocked.url), 'the withheld one').toBe(1);
});

it.each([
  ['with an overlap', undefined],
  ['without', 0],
])(
  'a request that was let through and then refused is not answered twice, %s',
  { timeout: 180_000 },
  async (_name, overlap) => {
    const clocked = await startClockedAgent();
    let lying = false;
    const line = wire(async (request, carry) => {
      if (!lying || new URL(request.url).pathname !== '/ohttp') return carry();
      lying = false;
      expect((await carry()).status).toBe(200);
      await clocked.agent.rotateKeys(overlap);
      return new Response('{}', { status: 422 });
    });
    const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
    lying = true;
    await expect(agent.chat(PROMPT)).rejects.toMatchObject({ code: 'client/request-unsettled' });
    expect(await receiptsOf(clocked.url)).toBe(1);
  },
);

it('a request held back, refused and sent again is answered once: the one held back comes too late', {
  timeout: 180_000,
}, async () => {
  const clocked = await startClockedAgent();
  let held: (() => Promise<Response>) | null = null;
  let holding = false;
  const line = wire(async (request, carry) => {
    if (!holding || new URL(request.url).pathname !== '/ohttp') return carry();
    holding = false;
    held = carry;
    await clocked.agent.rotateKeys();
    return new Response('{}', { status: 422 });
  });
  const agent = await connect(clocked.url, { ...optionsOf(clocked), fetch: line.fetch });
  holding = true;
  expect((await agent.chat(PROMPT)).text.length).toBeGreaterThan(0);
  const late = await held!();
  expect([late.status, await late.json()]).toMatchObject([409, { code: 'channel/replayed' }]);
  expect(await receiptsOf(clocked.url)).toBe(1);
});

it('an agent that restarted cannot tell: a question is not repeated, a reading is', { timeout: 180_000 }, async () => {
  const before = await startClockedAgent();
  // The same simulator, so that only the boot is another.
  const home = temporary();
  for (const name of ['simulated-root.pem', 'simulated-root-key.pem'])
    copyFileSync(join(dirname(before.rootFile), name), join(home, name));
  const after = await startClockedAgent({}, home);
  let moved = false;
  const line = wire(async (request, carry) => {
    if (!moved) return carry();
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = await request.arrayBuffer();
    return fetch(`${after.url}${pathname}${search}`, { method, headers, ...(body.byteLength > 0 ? { body } : {}) });
  });
  const asking = await connect(before.url, { ...optionsOf(before), fetch: line.fetch });
  const reading = await connect(before.url, { ...optionsOf(before), fetch: line.fetch });
  moved = true;
  await expect(asking.chat(PROMPT)).rejects.toMatchObject({ code: 'client/request-unsettled' });
  expect((await reading.fetch(`${reading.baseURL}/models`)).status).toBe(200);
  // When the caller decides to ask again, the request goes to the new boot.
  expect((await asking.chat(PROMPT)).text.length).toBeGreaterThan(0);
});
