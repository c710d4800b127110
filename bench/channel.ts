/**
 * The channel's cost: an echo of `/v1/chat/completions` through the sealed channel, against the same route over Node's own TLS, in one
 * run. Also: what the channel adds to one request, the delay of the first streamed chunk, the first connect, and 10,000 requests with
 * 64 in flight, none lost and none mixed up.
 *
 * node --conditions=@assay/source bench/channel.ts
 */

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createSealedFetch } from '@assay/client';
import { getRequestListener } from '@hono/node-server';
import { ChannelKeys } from '../packages/server/src/http/channel/channel-keys.ts';
import { answerEncapsulated } from '../packages/server/src/http/channel/ohttp-gateway.ts';
import { createTlsKey } from '../packages/server/src/identity/tls-key.ts';

const SECONDS = 4;
const IN_FLIGHT = 64;
const BODY = JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'x'.repeat(200) }] });

async function echo(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === '/stream') {
    return new Response(new Blob(['data: one\n\n']).stream(), { headers: { 'content-type': 'text/event-stream' } });
  }
  return new Response(await request.text(), { headers: { 'content-type': 'application/json' } });
}

const keys = await ChannelKeys.generate(Date.now() / 1000 + 3600);
const [key] = keys.keys;
if (key === undefined) throw new Error('no key');
const config = { keyId: key.keyId, kem: key.keyPair.kem, publicKey: key.keyPair.publicKey };
const gateway = (request: Request): Promise<Response> =>
  answerEncapsulated(request, { keys, handle: echo, now: Date.now, maxRequestBytes: 1e6 });
const sealedServer = createHttpServer(
  getRequestListener((request) => (request.url.endsWith('/ohttp') ? gateway(request) : echo(request))),
);
const tlsKey = createTlsKey(['127.0.0.1'], Date.now(), Date.now() + 3_600_000);
const tlsServer = createTlsServer(
  { key: tlsKey.privateKeyPem, cert: tlsKey.certificatePem },
  getRequestListener(echo) as (a: IncomingMessage, b: ServerResponse) => void,
);
const portOf = async (server: typeof sealedServer | typeof tlsServer): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const sealedPort = await portOf(sealedServer);
const tlsPort = await portOf(tlsServer);

const sealed = createSealedFetch({ config, gateway: new URL(`http://127.0.0.1:${sealedPort}/ohttp`) });
const viaChannel = async (body: string): Promise<string> => {
  const answer = await sealed(`http://127.0.0.1:${sealedPort}/v1/chat/completions`, { method: 'POST', body });
  return answer.text();
};
const viaPlain = async (body: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${sealedPort}/v1/chat/completions`, { method: 'POST', body })).text();
setDefaultCACertificates([...getCACertificates(), tlsKey.certificatePem]);
const viaTls = async (body: string): Promise<string> =>
  (await fetch(`https://127.0.0.1:${tlsPort}/v1/chat/completions`, { method: 'POST', body })).text();

/** Requests a second with {@link IN_FLIGHT} callers. */
async function throughput(send: (body: string) => Promise<string>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() < end) {
        await send(BODY);
        done += 1;
      }
    }),
  );
  return done / seconds;
}

async function median(send: () => Promise<unknown>, count: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const begun = performance.now();
    await send();
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}

await throughput(viaChannel, 1);
await throughput(viaTls, 1);
const ratios: number[] = [];
let [channelRate, tlsRate] = [0, 0];
for (let round = 0; round < 3; round += 1) {
  channelRate = await throughput(viaChannel, SECONDS);
  tlsRate = await throughput(viaTls, SECONDS);
  ratios.push(channelRate / tlsRate);
}
ratios.sort((a, b) => a - b);
const oneSealed = await median(() => viaChannel(BODY), 400);
const onePlain = await median(() => viaPlain(BODY), 400);
const firstChunk = async (send: typeof fetch): Promise<void> => {
  const answer = await send(`http://127.0.0.1:${sealedPort}/stream`, { method: 'POST', body: '{}' });
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
};
const streamSealed = await median(() => firstChunk(sealed), 300);
const streamPlain = await median(() => firstChunk(fetch), 300);

let mixed = 0;
let next = 0;
const TOTAL = 10_000;
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    while (next < TOTAL) {
      next += 1;
      const body = JSON.stringify({ number: next });
      if ((await viaChannel(body)) !== body) mixed += 1;
    }
  }),
);

console.log(`| what | measured | target |
| --- | --- | --- |
| sealed echo / TLS echo, ${IN_FLIGHT} in flight (last round ${Math.round(channelRate)}/s, ${Math.round(tlsRate)}/s) | ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} (median ${ratios[1]?.toFixed(2)}) | ≥ 0.6 |
| p50 added to one request (${oneSealed.toFixed(2)} − ${onePlain.toFixed(2)} ms) | ${(oneSealed - onePlain).toFixed(2)} ms | ≤ 1 ms |
| first streamed chunk later by (${streamSealed.toFixed(2)} − ${streamPlain.toFixed(2)} ms) | ${(streamSealed - streamPlain).toFixed(2)} ms | ≤ 2 ms |
| ${TOTAL.toLocaleString('en')} requests, ${IN_FLIGHT} in flight: lost or mixed up | ${mixed} | 0 |`);
sealedServer.close();
tlsServer.close();
process.exit(0);
