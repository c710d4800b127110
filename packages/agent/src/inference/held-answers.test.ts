/** Answers of models, whole and streamed, share a bounded amount until their readers have them; more is refused under a receipt. */

import { utf8 } from '@assay/encoding/bytes';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryLedger } from '../../../../tests/e2e/stand-ins.ts';
import { HELD } from '../http/held-memory.ts';
import type { Upstream, UpstreamAnswer, UpstreamRequest } from '../ports/upstream.ts';
import { passthrough } from './passthrough.ts';
import { servePrompt } from './serve.ts';

const MIB = 1024 * 1024;
const PATH = '/v1/chat/completions';

afterEach(() => expect(HELD.answer.used, 'nothing is held behind a test').toBe(0));

/** Serves answers that `answer` makes. */
function serving(answer: (request: UpstreamRequest) => Pick<UpstreamAnswer, 'contentType' | 'body' | 'finish'>) {
  const upstream: Upstream = {
    name: 'model',
    defaultModel: 'm',
    attestable: false,
    standing: async () => ({ result: 'failed', reason: 'it has no TEE' }),
    forward: async (request) => ({ status: 200, ...answer(request) }),
    sessions: () => [],
    models: async () => ['m'],
  };
  const ledger = createMemoryLedger();
  let tasks = 0;
  const ports = {
    ledger,
    upstream,
    verifiedOnly: false,
    newTaskId: () => `t-${tasks++}`,
    spend: () => undefined,
    maxAnswerBytes: 64 * MIB,
  };
  const body = utf8('{"model":"m","stream":true}');
  const { signal } = new AbortController();
  const ask = (): Promise<Response> =>
    servePrompt({ path: PATH, surface: passthrough(PATH), body, access: null, signal }, ports);
  return { ask, ledger };
}

async function* pieces(mib: number, piece = new Uint8Array(MIB).fill(0x20)): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < mib; i += 1) yield piece;
}

describe('a whole answer', () => {
  it('that finds no room is refused with 503 under a receipt; the others arrive', async () => {
    const { ask, ledger } = serving(() => ({ contentType: 'application/json', body: pieces(60) }));
    const answers = [await ask(), await ask()]; // held until they are read
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await refused.json()).toMatchObject({
      error: { type: 'server_busy', message: expect.stringContaining('server/busy') },
    });
    expect(ledger.sealed).toHaveLength(3);
    expect(refused.headers.get('x-receipt-id')).toBe(ledger.sealed[2]?.receiptId);
    const [first, second] = answers;
    expect((await first!.arrayBuffer()).byteLength).toBe(60 * MIB);
    await second!.body!.cancel();
    const later = await ask();
    expect(later.status).toBe(200);
    await later.body!.cancel();
  });

  it('that is short passes while long ones wait', async () => {
    const long = serving(() => ({ contentType: 'application/json', body: pieces(60) }));
    const waiting = [await long.ask(), await long.ask()];
    const short = serving(() => ({ contentType: 'application/json', body: pieces(1, utf8('{"id":"c-1"}')) }));
    expect(await (await short.ask()).json()).toEqual({ id: 'c-1' });
    for (const answer of waiting) await answer.body!.cancel();
  });
});

describe('a stream', () => {
  const comment = utf8(`: ${'x'.repeat(MIB)}\n\n`);
  const stream = (mib: number, finish?: UpstreamAnswer['finish']) => ({
    contentType: 'text/event-stream',
    body: pieces(mib, comment),
    ...(finish === undefined ? {} : { finish }),
  });

  it('without a signature is not kept', async () => {
    const { ask } = serving(() => stream(60));
    const reader = (await ask()).body!.getReader();
    let most = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) most = Math.max(most, HELD.answer.used);
    expect(most).toBeLessThan(4 * MIB);
  });

  it('that is kept for its signature is counted, and ends in an error when there is no more room', async () => {
    const { ask, ledger } = serving(() => stream(60, async () => null));
    const readers = await Promise.all([1, 2, 3].map(async () => (await ask()).body!.getReader()));
    const texts = await Promise.all(
      readers.map(async (reader) => {
        let last = new Uint8Array();
        for (let next = await reader.read(); !next.done; next = await reader.read())
          last = next.value as Uint8Array<ArrayBuffer>;
        return new TextDecoder().decode(last.slice(-400));
      }),
    );
    expect(texts.filter((text) => text.includes('server/busy')).length).toBeGreaterThan(0);
    expect(ledger.sealed).toHaveLength(3);
  });

  it('whose reader leaves gives back what it holds', async () => {
    const { ask } = serving(() => stream(60, async () => null));
    const reader = (await ask()).body!.getReader();
    for (let i = 0; i < 5; i += 1) await reader.read();
    expect(HELD.answer.used).toBeGreaterThan(3 * MIB);
    await reader.cancel();
  });
});

describe('what an upstream keeps of an answer to prove it', () => {
  it.each(['application/json', 'text/event-stream'])('is counted until the answer ended: %s', async (contentType) => {
    let most = 0;
    const { ask } = serving(({ held }) => ({
      contentType,
      body: (async function* () {
        for (let i = 0; i < 8; i += 1) {
          held?.grow(MIB);
          most = Math.max(most, HELD.answer.used);
          yield utf8(': kept elsewhere\n\n');
        }
        yield utf8('data: [DONE]\n\n');
      })(),
    }));
    await (await ask()).arrayBuffer();
    expect(most).toBeGreaterThan(7 * MIB);
  });
});
