import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FakeTls, fakeTls, startEavesdropper } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTlsDialer } from './pinned-tls.ts';

let genuine: FakeTls;
let other: FakeTls;
let authorities: string;
const seen: { readonly method: string; readonly body: string; readonly header: string | undefined }[] = [];
const server = createServer(async (request, response) => {
  const body: Buffer[] = [];
  for await (const piece of request) body.push(piece as Buffer);
  seen.push({
    method: request.method ?? '',
    body: Buffer.concat(body).toString(),
    header: request.headers['transfer-encoding'] ?? request.headers['content-length'],
  });
  if (request.url === '/away') return response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end();
  if (request.url === '/nothing') return response.writeHead(204).end();
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-kept': 'yes' });
  response.write('data: 1\n\n');
  setTimeout(() => response.end('data: [DONE]\n\n'), 5);
});
let origin: string;

beforeAll(async () => {
  genuine = await fakeTls('genuine');
  other = await fakeTls('other');
  authorities = genuine.certificatePem + other.certificatePem; // the one in the middle has a good certificate, too
  server.setSecureContext({ key: genuine.keyPem, cert: genuine.certificatePem });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const secret = { method: 'POST', headers: { authorization: 'Bearer secret' }, body: 'my secret prompt' };
/** A refusal says so at once, and not by silence. */
const soon = () => ({ ...secret, signal: AbortSignal.timeout(10_000) });

describe('the attested key', () => {
  test('gets the request, and its answer streams', async () => {
    const send = createTlsDialer({ authorities }).pinned(genuine.spkiSha256);
    const answer = await send(origin, soon());
    expect(answer).toBeInstanceOf(Response);
    expect([answer.status, answer.headers.get('x-kept')]).toEqual([200, 'yes']);
    const pieces: string[] = [];
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) pieces.push(new TextDecoder().decode(piece));
    expect(pieces).toEqual(['data: 1\n\n', 'data: [DONE]\n\n']);
    expect(seen.at(-1)).toEqual({ method: 'POST', body: 'my secret prompt', header: '16' });
  });

  test('requests of every form arrive: objects, streams, without a body', async () => {
    const send = createTlsDialer({ authorities }).pinned(genuine.spkiSha256);
    await (await send(new Request(origin, secret))).text();
    expect(seen.at(-1)).toMatchObject({ method: 'POST', body: 'my secret prompt' });
    const body = new Blob(['in pieces']).stream();
    await (await send(new URL(origin), { method: 'POST', body })).text();
    expect(seen.at(-1)).toEqual({ method: 'POST', body: 'in pieces', header: 'chunked' });
    expect((await send(`${origin}/nothing`)).status).toBe(204);
    await expect(send(`${origin}/away`, { redirect: 'error' })).rejects.toThrow();
    await expect(send(origin, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  test('is compared on every connection, not once', async () => {
    const dialer = createTlsDialer({ authorities });
    const send = dialer.pinned(genuine.spkiSha256);
    await (await send(origin, soon())).text();
    expect(dialer.pinned(genuine.spkiSha256)).toBe(send);
    server.setSecureContext({ key: other.keyPem, cert: other.certificatePem });
    server.closeAllConnections();
    const requests = seen.length;
    const refused = { code: 'channel/tls-key-mismatch', kind: 'untrusted' };
    await expect(send(origin, soon()))
      .rejects.toMatchObject(refused)
      .finally(() => server.setSecureContext({ key: genuine.keyPem, cert: genuine.certificatePem }));
    expect(seen).toHaveLength(requests);
  });

  test.each([
    [64, true],
    [65, false],
  ])('of %i services: connections to the first are kept, %s', (services, kept) => {
    const dialer = createTlsDialer();
    const [first, ...others] = Array.from({ length: services }, (_, index) => index.toString(16).padStart(64, '0'));
    const send = dialer.pinned(first ?? '');
    for (const other of others) dialer.pinned(other);
    expect(dialer.pinned(first ?? '') === send).toBe(kept);
  });

  test('may be the whole proof where the service signs its certificate itself', async () => {
    await expect(createTlsDialer().pinned(genuine.spkiSha256)(origin)).rejects.toThrow();
    const dialer = createTlsDialer();
    expect((await dialer.pinned(genuine.spkiSha256, 'pin-alone')(origin)).status).toBe(200);
    await expect(dialer.pinned(other.spkiSha256, 'pin-alone')(origin)).rejects.toMatchObject({
      code: 'channel/tls-key-mismatch',
    });
    await expect(dialer.open(origin)).rejects.toThrow();
    expect((await dialer.unauthenticated(origin)).status).toBe(200);
  });
});

describe('somebody in the middle', () => {
  test.each(['authorities-too', 'pin-alone'] as const)('with another key reads nothing, %s', async (trust) => {
    const middle = await startEavesdropper(other);
    onTestFinished(middle.close);
    const dialer = createTlsDialer({ authorities });
    const send = dialer.pinned(genuine.spkiSha256, trust);
    await expect(send(middle.origin, soon())).rejects.toMatchObject({
      code: 'channel/tls-key-mismatch',
      message: expect.stringContaining(`the attested TLS key ${genuine.spkiSha256}, got ${other.spkiSha256}`),
    });
    expect(middle.read()).toHaveLength(0);
    await expect.poll(middle.ended, { timeout: 10_000 }).toBe(1);
    await dialer.open(middle.origin, secret); // the same without a pin: the table can fail
    expect(new TextDecoder().decode(middle.read())).toContain('my secret prompt');
  });

  test('without TLS gets nothing either', async () => {
    const send = createTlsDialer().pinned(genuine.spkiSha256);
    await expect(send('http://127.0.0.1:65530/', soon())).rejects.toMatchObject({ code: 'channel/tls-key-mismatch' });
  });

  test.each(['', 'AB'.repeat(32), '0'.repeat(63), 'g'.repeat(64)])('%s is no fingerprint', (pin) => {
    expect(() => createTlsDialer().pinned(pin)).toThrow(expect.objectContaining({ code: 'channel/key-invalid' }));
  });
});
