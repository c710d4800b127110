/**
 * The kind: Node's HTTP client ends every wait after 300 s, so that a longer ASSAY_MODEL_SECONDS would not hold. Its timers are held in the test's
 * hand; they start with the process, hence a file of its own.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTlsDialer } from '@assay/channel/tls';
import { afterAll, expect, test, vi } from 'vitest';
import { patientFetch } from '../patient-fetch.ts';

/** Answers when told to; the path says whether headers come at once. */
const answers: (() => void)[] = [];
const server = createServer((request, response) => {
  request.resume();
  if (request.url === '/headers') response.write(' ');
  answers.push(() => response.end('late'));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test('Node ends neither a wait for headers nor a pause in an answer by itself', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const asked = async (send: typeof globalThis.fetch, path: string): Promise<string> => {
    try {
      return await (await send(base + path, { method: 'POST', body: '{}' })).text();
    } catch (error) {
      return String(((error as Error).cause as { readonly code?: unknown } | undefined)?.code);
    }
  };
  const limited = createTlsDialer().open;
  const all = Promise.all([
    asked(limited, '/'),
    asked(limited, '/headers'),
    asked(patientFetch, '/'),
    asked(patientFetch, '/headers'),
  ]);
  while (answers.length < 4) await new Promise(setImmediate);
  await vi.advanceTimersByTimeAsync(310_000);
  for (const answer of answers) answer();
  expect(await all).toEqual(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'late', ' late']);
  vi.useRealTimers();
});
