/**
 * What runs move over the network is reserved before it is sent: requests in parallel see one another, runs see one another, and what
 * an answer did not need is free again. The peer is a real server on loopback.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Budget } from '@assay/encoding/budget';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NETWORK_BOUNDS, NetworkGateway } from './gateway.ts';

const { responseBytes, totalBytes } = NETWORK_BOUNDS;
const BIG = Buffer.alloc(responseBytes - 1, 'z');
let server: Server;
let host = '';
/** Answers under way: now, and at most. */
const open = { now: 0, most: 0 };

beforeAll(async () => {
  server = createServer((request, response) => {
    open.now += 1;
    open.most = Math.max(open.most, open.now);
    setTimeout(() => {
      response.end(request.url?.startsWith('/big') === true ? BIG : 'small');
      response.on('close', () => {
        open.now -= 1;
      });
    }, 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

const gateway = (allRuns = new Budget({ name: 'all', limit: 16 * totalBytes })): NetworkGateway =>
  new NetworkGateway({ policy: { allow: [host] }, allRuns });
const ask = (from: NetworkGateway, path: string) =>
  from.fetch({ method: 'GET', url: `http://${host}${path}`, headers: {}, body: new Uint8Array() });
const sizes = (from: NetworkGateway): number => from.transcript.reduce((sum, { responseBody }) => sum + responseBody.length, 0);

it('answers in parallel stay within the bound of one run', async () => {
  const run = gateway();
  const answers = await Promise.all(Array.from({ length: 24 }, (_, index) => ask(run, `/big?${index}`)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  expect(sizes(run)).toBeLessThan(totalBytes + 24 * 200);
  const refused = answers.filter(({ status }) => status === 0).map(({ responseBody }) => Buffer.from(responseBody).toString());
  expect(refused.filter((text) => !/^sandbox\/network-(?:refused|failed): /.test(text))).toEqual([]);
});

it('never more is under way than fits', async () => {
  open.most = 0;
  await Promise.all(Array.from({ length: 24 }, () => ask(gateway(), '/small')));
  const run = gateway();
  open.most = 0;
  await Promise.all(Array.from({ length: 24 }, () => ask(run, '/small')));
  expect(open.most).toBe(totalBytes / responseBytes);
});

it('small answers give back what they did not need', async () => {
  const run = gateway();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => ask(run, `/small?${index}`)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
});

it('runs share one budget, and give it back when they end', async () => {
  const all = new Budget({ name: 'bytes of network traffic in all runs', limit: totalBytes });
  const [first, second] = [gateway(all), gateway(all)];
  for (let i = 0; i < 4; i++) expect((await ask(first, `/big?${i}`)).status).toBe(200);
  const refused = await ask(second, '/big');
  expect(Buffer.from(refused.responseBody).toString()).toMatch(
    /^sandbox\/network-refused: expected at most \d+ bytes of network traffic/,
  );
  first.end();
  expect(all.used).toBe(0);
  expect((await ask(second, '/big')).status).toBe(200);
  second.end();
  expect((await ask(second, '/small')).status).toBe(0);
  expect(all.used).toBe(0);
});

it('a request that fails holds nothing', async () => {
  const all = new Budget({ name: 'all', limit: totalBytes });
  const run = new NetworkGateway({ policy: { allow: ['127.0.0.1:9'] }, allRuns: all });
  await run.fetch({ method: 'GET', url: 'http://127.0.0.1:9/', headers: {}, body: new Uint8Array() });
  expect(all.used).toBe(0);
});
