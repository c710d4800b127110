/** EHBP SPEC.md §4.3 and §4.4. */
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expect, it } from 'vitest';
import { X25519 } from '../hpke/kem.ts';
import { acceptExchange, openExchange, openFrames, sealFrame } from './body.ts';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concatBytes(...parts);
}

it('carries a request and its answer', async () => {
  const keyPair = await X25519.generate();
  const client = await openExchange({ keyId: 0, kem: 0x0020, publicKey: keyPair.publicKey });
  const server = await acceptExchange(keyPair, client.encapsulated);
  const body = concatBytes(
    await sealFrame(client.request, utf8('question ')),
    new Uint8Array(4),
    await sealFrame(client.request, utf8('two')),
  );
  expect(await collect(openFrames(server.request, pieces(body, 3)))).toEqual(utf8('question two'));
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const answer = await sealFrame(server.response(nonce), utf8('answer'));
  expect(await collect(openFrames(client.response(nonce), pieces(answer, 1)))).toEqual(utf8('answer'));
});

it.each([
  ['a cut frame', (frame: Uint8Array) => frame.subarray(0, frame.length - 1), 'channel/truncated'],
  [
    'a changed frame',
    (frame: Uint8Array) => frame.map((byte, index) => (index === 6 ? byte ^ 1 : byte)),
    'channel/decryption-failed',
  ],
  ['an immense length', (frame: Uint8Array) => concatBytes(Uint8Array.of(255, 255, 255, 255), frame), 'channel/oversize'],
])('refuses %s', async (_name, spoil, code) => {
  const keyPair = await X25519.generate();
  const client = await openExchange({ keyId: 0, kem: 0x0020, publicKey: keyPair.publicKey });
  const server = await acceptExchange(keyPair, client.encapsulated);
  const frame = spoil(await sealFrame(client.request, utf8('question')));
  await expect(collect(openFrames(server.request, pieces(frame, 100)))).rejects.toMatchObject({ code });
});

it('refuses an encapsulated key of another length and a short nonce', async () => {
  const keyPair = await X25519.generate();
  await expect(acceptExchange(keyPair, new Uint8Array(31))).rejects.toMatchObject({ code: 'channel/message-malformed' });
  const client = await openExchange({ keyId: 0, kem: 0x0020, publicKey: keyPair.publicKey });
  expect(() => client.response(new Uint8Array(12))).toThrowError(
    expect.objectContaining({ code: 'channel/message-malformed' }),
  );
});
