import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllowList } from './allow-list.ts';
import { type GatewayRequest, NetworkGateway } from './gateway.ts';
import { transcriptDigest } from './transcript.ts';

describe('allow-list', () => {
  it.each(['example.org:443', '127.0.0.1:8545', '[::1]:80', 'a-b.example:1', 'localhost:65535'])('takes %s', (entry) => {
    expect(() => parseAllowList([entry])).not.toThrow();
  });
  it.each([
    'example.org',
    'Example.org:443',
    '*.org:443',
    'http://a:1',
    'a:0',
    'a:65536',
    ':80',
    'a:b',
    '0x7f000001:80x',
    '127.1:80',
    '2130706433:80',
    '::1:80',
    '[zz]:1',
    '',
  ])('refuses %j', (entry) => {
    expect(() => parseAllowList([entry])).toThrow(expect.objectContaining({ code: 'sandbox/allow-invalid' }));
  });
});

describe('gateway', () => {
  let server: Server;
  let origin: string;
  let host: string;
  let hits = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      hits += 1;
      if (request.url === '/redirect') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      else if (request.url === '/bomb')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(20 << 20)));
      else if (request.url === '/big') response.end(Buffer.alloc(9 << 20));
      else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('plain'));
      else {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () =>
          response.end(
            JSON.stringify({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() }),
          ),
        );
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    origin = `http://${host}`;
  });
  afterAll(() => server.close());

  const get = (url: string, extra: Partial<GatewayRequest> = {}): GatewayRequest => ({
    method: 'GET',
    url,
    headers: {},
    body: new Uint8Array(0),
    ...extra,
  });
  const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

  it('serves an allowed loopback address that is written out, and records it', async () => {
    const gateway = new NetworkGateway({ policy: { allow: [host] } });
    const answer = await gateway.fetch(
      get(`${origin}/echo#part`, {
        method: 'POST',
        headers: { 'X-B': '1', Host: 'evil', 'Content-Length': '7' },
        body: Buffer.from('hi'),
      }),
    );
    expect(answer.status).toBe(200);
    const seen = JSON.parse(textOf(answer.responseBody));
    expect(seen).toMatchObject({
      method: 'POST',
      body: 'hi',
      headers: { 'x-b': '1', host, 'content-length': '2', 'accept-encoding': 'identity' },
    });
    expect(answer.requestHeaders).toEqual({ 'x-b': '1' });
    expect(gateway.transcript).toEqual([answer]);
    expect(answer.url).toBe(`${origin}/echo`);
  });
  it('gives redirects to the code instead of following them, and decodes compressed answers', async () => {
    const gateway = new NetworkGateway({ policy: { allow: [host] } });
    expect((await gateway.fetch(get(`${origin}/redirect`))).status).toBe(302);
    expect(textOf((await gateway.fetch(get(`${origin}/gzip`))).responseBody)).toBe('plain');
  });
  it.each([
    ['a host that is not listed', 'http://example.org/', 'sandbox/network-refused'],
    ['another port', 'http://127.0.0.1:1/', 'sandbox/network-refused'],
    ['a name for the same address', 'http://localhost:1/', 'sandbox/network-refused'],
    ['another scheme', 'file:///etc/passwd', 'sandbox/network-refused'],
    ['no URL', 'etc/passwd', 'sandbox/network-refused'],
  ])('refuses %s without a connection', async (_name, url, code) => {
    hits = 0;
    const answer = await new NetworkGateway({ policy: { allow: [host] } }).fetch(get(url));
    expect(answer.status).toBe(0);
    expect(textOf(answer.responseBody)).toContain(code);
    expect(hits).toBe(0);
  });
  it('refuses credentials in the URL and unknown methods', async () => {
    const gateway = new NetworkGateway({ policy: { allow: [host] } });
    expect((await gateway.fetch(get(`http://user:pass@${host}/`))).status).toBe(0);
    expect((await gateway.fetch(get(origin, { method: 'CONNECT' }))).status).toBe(0);
  });
  it.each([
    ['loopback', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['a private network', ['10.0.0.5']],
    ['mapped loopback', ['::ffff:127.0.0.1']],
    ['nothing', []],
  ])('refuses a listed name that resolves to %s', async (_name, addresses) => {
    hits = 0;
    const port = host.split(':')[1];
    const gateway = new NetworkGateway({ policy: { allow: [`rebind.example:${port}`] }, resolve: async () => addresses });
    const answer = await gateway.fetch(get(`http://rebind.example:${port}/`));
    expect(textOf(answer.responseBody)).toContain('sandbox/network-refused');
    expect(hits).toBe(0);
  });
  it('refuses the metadata service even when it is listed', async () => {
    const gateway = new NetworkGateway({ policy: { allow: ['169.254.169.254:80'] } });
    expect(textOf((await gateway.fetch(get('http://169.254.169.254/latest/meta-data/'))).responseBody)).toContain(
      'sandbox/network-refused',
    );
  });
  it.each(['/bomb', '/big'])('stops at the bound: %s', async (path) => {
    const answer = await new NetworkGateway({ policy: { allow: [host] } }).fetch(get(`${origin}${path}`));
    expect(answer.status).toBe(0);
    expect(textOf(answer.responseBody)).toContain('sandbox/network-failed');
  });
  it('replays a recording without the network, failures included, and refuses anything else', async () => {
    const policy = { allow: [host] };
    const first = new NetworkGateway({ policy });
    await first.fetch(get(`${origin}/one`));
    await first.fetch(get('http://example.org/'));
    hits = 0;
    const again = new NetworkGateway({ policy: { allow: [], replay: first.transcript } });
    await again.fetch(get(`${origin}/one`));
    await again.fetch(get('http://example.org/'));
    expect(transcriptDigest(again.transcript)).toBe(transcriptDigest(first.transcript));
    expect(hits).toBe(0);
    expect(textOf((await again.fetch(get(`${origin}/one`))).responseBody)).toContain('sandbox/replay-mismatch');
    const other = new NetworkGateway({ policy: { allow: [host], replay: first.transcript } });
    expect(textOf((await other.fetch(get(`${origin}/two`))).responseBody)).toContain('sandbox/replay-mismatch');
  });
  it('refuses more than may be sent, keeps none of it, and replays the refusal', async () => {
    const large = get(origin, { method: 'POST', body: new Uint8Array(5 << 20) });
    const first = new NetworkGateway({ policy: { allow: [host] } });
    const answer = await first.fetch(large);
    expect(textOf(answer.responseBody)).toContain('sandbox/network-refused');
    expect(answer.requestBody.length).toBe(0);
    const again = new NetworkGateway({ policy: { allow: [], replay: first.transcript } });
    await again.fetch(large);
    expect(transcriptDigest(again.transcript)).toBe(transcriptDigest(first.transcript));
    const much = new NetworkGateway({ policy: { allow: ['127.0.0.1:1'] } });
    for (let turn = 0; turn < 12; turn += 1)
      await much.fetch(get('http://127.0.0.1:1/', { method: 'POST', body: new Uint8Array(4 << 20) }));
    expect(much.transcript.reduce((sum, { requestBody }) => sum + requestBody.length, 0)).toBeLessThanOrEqual(32 << 20);
  });
  it('records in the order of the requests', async () => {
    const gateway = new NetworkGateway({ policy: { allow: [host] } });
    await Promise.all([
      gateway.fetch(get(`${origin}/a`)),
      gateway.fetch(get('http://refused.example/')),
      gateway.fetch(get(`${origin}/c`)),
    ]);
    expect(gateway.transcript.map((entry) => new URL(entry.url).pathname)).toEqual(['/a', '/', '/c']);
  });
});
