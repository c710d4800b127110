/** Requests in the encrypted channel are held as what their sender is: without the agent's key, as a stranger's. */

import { expect, test } from 'vitest';
import { HELD } from '../../packages/agent/src/http/held-memory.ts';
import { startTestAgent } from './agent.ts';

const KEY = 'correct-horse-battery-staple';
const MIB = 1024 * 1024;

/** Sends 20 MiB and then nothing until `end`. */
function slow(end: Promise<void>): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      sent += 1;
      if (sent <= 20) return controller.enqueue(new Uint8Array(MIB));
      await end;
      controller.close();
    },
  });
}

test.each([
  ['a stranger at /ohttp', '/ohttp', {}, 'sealedRequest'],
  ['a holder of the key', '/v1/chat/completions', { authorization: `Bearer ${KEY}` }, 'request'],
] as const)('%s', async (_, path, key, part) => {
  const agent = await startTestAgent({ environment: { ASSAY_API_KEY: KEY } });
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const headers = { 'ehbp-encapsulated-key': '00'.repeat(32), ...key };
  const answered = agent.request(path, { method: 'POST', headers, body: slow(ended), duplex: 'half' } as RequestInit);
  await expect.poll(() => HELD.request.used, { timeout: 10_000 }).toBeGreaterThan(19 * MIB);
  expect(HELD.sealedRequest.used > 19 * MIB).toBe(part === 'sealedRequest');
  end();
  expect((await answered).status).toBeGreaterThanOrEqual(400);
  await expect.poll(() => HELD.request.used, { timeout: 5000 }).toBe(0);
});
