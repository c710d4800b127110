/**
 * A provider that serves the very file of the reference, and changes batch size and cache format while it is compared: never DIFFERENT, for the twin
 * was measured under such conditions. Its siblings, which change the weights in the same places, are never SAME. Needs the engine.
 */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReferenceEngine } from '@assay/agent';
import { transcript } from '@assay/testing';
import { SMALL_RECIPE, zooOf } from '@assay/testing/model-zoo';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { type Endpoint, localEndpoint } from '../../packages/assay/src/commands/compare/endpoint.ts';
import { engineFolder, isAtHand, SMOLLM2 } from './models-at-hand.ts';

type PartyName = 'as the reference' | 'small batches' | 'cache in F32' | 'Q4_0';

interface Outcome {
  readonly verdict: string;
  readonly queries: number;
  readonly failed: number;
  /** How often each party was asked. */
  readonly asked: ReadonlyMap<string, number>;
}

/** No verdict comes earlier, for conditions or weights that change. */
const LEAST_QUERIES = 4;

const signal = new AbortController().signal;

describe.runIf(isAtHand(SMOLLM2))('an endpoint that changes half-way', { timeout: 240_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-changed-'));
  const zoo = zooOf(SMALL_RECIPE);
  const closing: (() => void)[] = [];
  const parties: Record<string, Endpoint> = {};
  let server: Server;
  let choose: (index: number) => Endpoint;
  let questions = 0;

  beforeAll(async () => {
    mkdirSync(join(directory, 'models'));
    symlinkSync(engineFolder(), join(directory, 'models', 'engine-3.22.1'));
    writeFileSync(join(directory, 'base.gguf'), zoo.gguf(zoo.base));
    writeFileSync(join(directory, 'q4.gguf'), zoo.gguf(zoo.base, 'Q4_0'));
    for (const [name, file, more] of [
      ['as the reference', 'base.gguf', {}],
      ['small batches', 'base.gguf', { batchTokens: 8 }],
      ['cache in F32', 'base.gguf', { kvType: 'F32' }],
      ['Q4_0', 'q4.gguf', {}],
    ] as const) {
      const engine = await openReferenceEngine({ dataDir: directory, file: join(directory, file), ...more });
      closing.push(() => engine.close());
      parties[name] = localEndpoint(name, engine, signal);
    }
    server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', async () => {
        if (request.method === 'GET') return response.end(JSON.stringify({ data: [{ id: 'm' }] }));
        const asked = await choose(questions++).ask('completions', Buffer.concat(pieces).toString());
        return 'body' in asked ? response.end(asked.body) : response.writeHead(500).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }, 120_000);
  afterAll(() => {
    server?.close();
    for (const close of closing) close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function compare(order: (index: number) => PartyName): Promise<Outcome> {
    questions = 0;
    const asked = new Map<string, number>();
    choose = (index) => {
      const name = order(index);
      asked.set(name, (asked.get(name) ?? 0) + 1);
      return parties[name]!;
    };
    const io = transcript({
      ...{ cwd: directory, now: Date.now(), fetch: globalThis.fetch },
      env: { ASSAY_DATA_DIR: directory, ASSAY_ATTESTER: 'simulated' },
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    await run(
      [
        'compare',
        '--json',
        '--mode',
        'quick',
        '--no-resolution',
        '--max-queries',
        '24',
        '--ref-model',
        'base.gguf',
        '--cand-model',
        url,
      ],
      io,
    );
    const { verdict, queries, failed } = JSON.parse(io.out()) as Omit<Outcome, 'asked'>;
    return { verdict, queries, failed, asked };
  }

  test.each<[string, (index: number) => PartyName, Readonly<Partial<Record<PartyName, number>>>]>([
    [
      'to another format of its cache',
      (index) => (index < 4 ? 'as the reference' : 'cache in F32'),
      { 'as the reference': 4, 'cache in F32': 2 },
    ],
    [
      'and back, at every question',
      (index) => (['as the reference', 'cache in F32', 'small batches'] as const)[index % 3]!,
      { 'as the reference': 2, 'cache in F32': 2, 'small batches': 2 },
    ],
  ])('%s is SAME or UNDECIDED', async (_, order, least) => {
    const { verdict, queries, failed, asked } = await compare(order);
    expect(['SAME', 'UNDECIDED']).toContain(verdict);
    expect([failed, queries >= LEAST_QUERIES]).toEqual([0, true]);
    for (const [name, count] of Object.entries(least)) expect(asked.get(name), name).toBeGreaterThanOrEqual(count);
  });

  test('to other weights at every other question is DIFFERENT or UNDECIDED', async () => {
    const { verdict, queries, failed, asked } = await compare((index) => (index % 2 === 0 ? 'as the reference' : 'Q4_0'));
    expect(['DIFFERENT', 'UNDECIDED']).toContain(verdict);
    expect([failed, queries >= LEAST_QUERIES]).toEqual([0, true]);
    for (const name of ['as the reference', 'Q4_0']) expect(asked.get(name), name).toBeGreaterThanOrEqual(2);
  });

  /** The control: without it the other tests would also pass if no comparison ever ended. */
  test('other weights from the first question are DIFFERENT', async () => {
    const { verdict, failed, asked } = await compare(() => 'Q4_0');
    expect([verdict, failed, [...asked.keys()]]).toEqual(['DIFFERENT', 0, ['Q4_0']]);
  });
});
