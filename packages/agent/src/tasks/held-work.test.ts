/** All tasks together hold a bounded amount: large requests and files are refused before they are read, small tasks never are. */

import { afterEach, describe, expect, it } from 'vitest';
import { directory, open, start } from '../../../../tests/crash/test-ledger.ts';
import { startTestAgent } from '../../../../tests/e2e/agent.ts';
import { HeldWork } from './held-work.ts';

const MIB = 1024 * 1024;
const busy = expect.objectContaining({ code: 'server/busy', details: { retryAfterSeconds: 2 } });
const opened: HeldWork[] = [];
const hold = (bytes: number): HeldWork => {
  const held = new HeldWork(bytes);
  opened.push(held);
  return held;
};

afterEach(() => {
  for (const held of opened.splice(0)) held.release();
});

describe('tasks hold', () => {
  it('no more than all of them may, and give it back', () => {
    const many = [1, 2, 3, 4, 5].map(() => hold(50 * MIB));
    expect(() => hold(50 * MIB)).toThrow(busy);
    hold(MIB); // small ones are let in
    many[0]!.release();
    hold(50 * MIB);
  });

  it('room for the files of one attempt, whatever the number of attempts', () => {
    const held = hold(0);
    for (let attempt = 0; attempt < 20; attempt += 1) held.inputs(60 * MIB);
    expect(() => held.inputs(300 * MIB)).toThrow(busy);
  });

  it('what goes into their receipts', async () => {
    const { ledger } = await start(directory());
    const draft = open(ledger, 'many files');
    const counted = hold(0).draft(draft);
    counted.payload('a', 'text/plain', new Uint8Array(200 * MIB));
    expect(() => counted.payload('b', 'text/plain', new Uint8Array(100 * MIB))).toThrow(busy);
    await ledger.discard(draft);
  });
});

describe('file_read', () => {
  it('is refused before the file is read when there is no room for it', async () => {
    const agent = await startTestAgent();
    await agent.process({ type: 'file_write', path: '/tmp/a.txt', content: 'x'.repeat(8 * MIB) });
    const others = hold(240 * MIB);
    const refused = await agent.process({ type: 'file_read', path: '/tmp/a.txt' });
    expect([refused.status, refused.body.code]).toEqual([503, 'server/busy']);
    others.release();
    expect((await agent.process({ type: 'file_read', path: '/tmp/a.txt' })).status).toBe(200);
  });

  it('gives control characters as base64, because JSON writes each with six', async () => {
    const agent = await startTestAgent();
    const read = async (content: string): Promise<unknown> => {
      await agent.process({ type: 'file_write', path: '/tmp/a', content });
      return (await agent.process({ type: 'file_read', path: '/tmp/a' })).body.data;
    };
    expect(await read('\u0001'.repeat(80))).toEqual({ file: '/tmp/a', content: null, content_base64: expect.any(String) });
    expect(await read('a\tb\r\n\u001b[0m and more')).toEqual({ file: '/tmp/a', content: 'a\tb\r\n\u001b[0m and more' });
  });
});
