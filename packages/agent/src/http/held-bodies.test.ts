/** Bodies that are being read share a bounded pool; strangers have a smaller part of it, and short bodies are let in all the same. */

import { describe, expect, it } from 'vitest';
import { readBody } from './held-bodies.ts';

const MIB = 1024 * 1024;
const tooLong = (): Error => new Error('too long');

/** A body that sends `bytes` and then waits for `end`. */
function slow(bytes: number, end: Promise<void>): Request {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent < bytes) {
        const size = Math.min(MIB, bytes - sent);
        sent += size;
        controller.enqueue(new Uint8Array(size));
        return;
      }
      await end;
      controller.close();
    },
  });
  return new Request('http://agent.test/', { method: 'POST', body, duplex: 'half' } as RequestInit);
}

const read = (request: Request, sender: 'known' | 'stranger', most = 64 * MIB) => readBody(request, { most, sender, tooLong });

describe('bodies that are being read', () => {
  it('of strangers hold no more than their pool, and give it back', async () => {
    let finish = (): void => undefined;
    const end = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const reads = Array.from({ length: 8 }, () => read(slow(40 * MIB, end), 'stranger').then((body) => body.length));
    const refused = Promise.allSettled(reads);
    await Promise.race(reads.map((each) => each.catch(() => undefined))); // the first refusal
    expect(await read(slow(1024, Promise.resolve()), 'stranger')).toHaveLength(1024); // a prompt is let in
    expect(await read(slow(2 * MIB, Promise.resolve()), 'known')).toHaveLength(2 * MIB);
    finish();
    const outcomes = await refused;
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(2);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'server/busy', details: { retryAfterSeconds: 2 } });
    expect(await read(slow(60 * MIB, Promise.resolve()), 'stranger')).toHaveLength(60 * MIB);
  });

  it('that are longer than allowed are refused, declared or not', async () => {
    await expect(read(slow(3 * MIB, Promise.resolve()), 'known', 2 * MIB)).rejects.toThrow('too long');
    const declared = new Request('http://agent.test/', { method: 'POST', body: 'x', headers: { 'content-length': '9000000' } });
    await expect(read(declared, 'known', 2 * MIB)).rejects.toThrow('too long');
  });
});
