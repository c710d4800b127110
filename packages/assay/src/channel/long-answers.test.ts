/** Answers of any length open however the line hands them out: in small pieces, or all at once as browsers do with what they have buffered. */

import { FAKE_NOW, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import { connect } from '../connection/connect.ts';

const MIB = 1024 * 1024;

async function open(cut: (bytes: Uint8Array) => readonly Uint8Array[], length: number): Promise<Response> {
  const agent = await sealedAgent({ answer: () => new Response(new Uint8Array(length).fill(7)) });
  const client = await connect('https://agent.example', {
    trust: { simulatedRoot: agent.root },
    now: () => FAKE_NOW,
    fetch: async (input, init) => {
      const answer = await agent.fetch(input, init);
      const pieces = cut(new Uint8Array(await answer.arrayBuffer()));
      const body = new ReadableStream({
        start: (controller) => {
          for (const piece of pieces) controller.enqueue(piece);
          controller.close();
        },
      });
      return new Response(body, answer);
    },
  });
  return client.fetch('https://agent.example/api/any');
}

const atOnce = (bytes: Uint8Array): readonly Uint8Array[] => [bytes];
const inTwo = (bytes: Uint8Array): readonly Uint8Array[] => [bytes.subarray(0, 3), bytes.subarray(3)];
const inPieces = (bytes: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) => bytes.subarray(at * 65_536, (at + 1) * 65_536));

test.each([
  ['all at once', atOnce],
  ['in two pieces', inTwo],
  ['in small pieces', inPieces],
] as const)('%s', async (_, cut) => {
  for (const length of [0, 1000, MIB, 5 * MIB + 1]) {
    const content = new Uint8Array(await (await open(cut, length)).arrayBuffer());
    expect([content.length, content.every((byte) => byte === 7)]).toEqual([length, true]);
  }
});
