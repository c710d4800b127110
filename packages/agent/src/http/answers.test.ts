/** Readers who do not read: a large answer is read from its source only as fast as it is taken, and what it holds is counted until it is out. */

import { joinStored, openObject, type StoredBytes } from '@assay/ledger';
import { afterEach, describe, expect, it } from 'vitest';
import { heldAnswer, storedAnswer } from './answers.ts';
import { HELD } from './held-memory.ts';

const MIB = 1024 * 1024;
const headers = { 'content-type': 'application/json' };

afterEach(() => expect([HELD.answer.used, HELD.request.used], 'nothing is held behind a test').toEqual([0, 0]));

/** `length` bytes in pieces of 64 KiB that counts how many were asked for. */
function counted(length: number, { fails = false, heldBytes = 0 } = {}): StoredBytes & { readonly given: () => number } {
  let given = 0;
  return {
    length,
    heldBytes,
    *pieces() {
      for (let at = 0; at < length; at += 64 * 1024) {
        if (fails && at > 0) throw new Error('the disk is gone');
        given += 1;
        yield new Uint8Array(Math.min(64 * 1024, length - at)).fill(0x61);
      }
    },
    given: () => given,
  };
}

describe('an answer out of the store', () => {
  it('is not read ahead of its reader', async () => {
    const stored = counted(300 * MIB);
    const answer = storedAnswer(stored, { headers });
    expect(answer.headers.get('content-length')).toBe(String(300 * MIB));
    const reader = answer.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stored.given()).toBeLessThan(4);
    await reader.cancel();
    expect(stored.given()).toBeLessThan(4);
  });

  it('comes as it stands, joined from parts', async () => {
    const object = joinStored(['{"a":', '1', '}']);
    const stored = joinStored([openObject(object), ',"b":"', counted(200_000), '"}']);
    const text = await storedAnswer(stored, { headers }).text();
    expect(text).toBe(`{"a":1,"b":"${'a'.repeat(200_000)}"}`);
    expect(stored.length).toBe(text.length);
  });

  it('gives back what it holds when it was read, left or broken', async () => {
    const plan = { heldBytes: 3 * MIB };
    await storedAnswer(counted(MIB, plan), { headers }).arrayBuffer();
    await storedAnswer(counted(MIB, plan), { headers }).body!.cancel();
    const broken = storedAnswer(counted(MIB, { ...plan, fails: true }), { headers });
    expect(HELD.answer.used).toBeGreaterThan(2 * MIB);
    await expect(broken.arrayBuffer()).rejects.toThrow('the disk is gone');
  });
});

describe('answers in memory', () => {
  it('are refused before they fill it, and short ones never are', async () => {
    const large = new Uint8Array(40 * MIB);
    const waiting = [1, 2, 3, 4].map(() => heldAnswer(large, { headers }));
    expect(() => heldAnswer(large, { headers })).toThrow(expect.objectContaining({ code: 'server/busy' }));
    expect(await heldAnswer('{"short":true}', { headers }).text()).toBe('{"short":true}');
    expect((await waiting[0]!.arrayBuffer()).byteLength).toBe(large.length);
    await heldAnswer(large, { headers }).body!.cancel();
    for (const answer of waiting.slice(1)) await answer.body!.cancel();
  });
});
