/**
 * The attested end of `bench/channel.ts`, a process of its own: one echo handler behind the encrypted channel, behind Node's own TLS
 * and in clear. Tells its ports, channel key and certificate when it listens; answers `usage` with its processor time.
 */

import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { encodeHex } from '@assay/encoding/hex';
import { getRequestListener } from '@hono/node-server';
import { answerEncapsulated } from '../../packages/agent/src/http/channel/ohttp-gateway.ts';
import { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { createTlsKey } from '../../packages/agent/src/identity/tls-key.ts';
import { type StandInTdx, standInTdx } from './stand-in-tdx.ts';

/** What the client must know of this process. */
export interface EchoServer {
  readonly plain: number;
  readonly tls: number;
  readonly certificate: string;
  readonly keyId: number;
  /** Hex. */
  readonly publicKey: string;
  /** What the reports at `/v1/aci/attestation` verify with. */
  readonly collateral: StandInTdx['collateral'];
}

async function echo(request: Request): Promise<Response> {
  if (request.url.endsWith('/stream')) {
    return new Response(new Blob(['data: one\n\n']).stream(), { headers: { 'content-type': 'text/event-stream' } });
  }
  return new Response(await request.text(), { headers: { 'content-type': 'application/json' } });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const keys = await ChannelKeys.generate(Date.now() / 1000 + 3600);
const [key] = keys.keys;
if (key === undefined) throw new Error('a channel has at least one key');
const options = { keys, handle: echo, now: Date.now, maxRequestBytes: 1e6 };
const { identity, collateral } = await standInTdx(keys);
const attestation = async ({ url }: Request): Promise<Response> =>
  Response.json((await identity.report(new URL(url).searchParams.get('nonce'))).document);
const tlsKey = createTlsKey(['127.0.0.1'], Date.now(), Date.now() + 3_600_000);
const plain = createServer(
  getRequestListener((request) => {
    if (request.url.endsWith('/ohttp')) return answerEncapsulated(request, options);
    return request.url.includes('/v1/aci/attestation') ? attestation(request) : echo(request);
  }),
);
const tls = createTlsServer({ key: tlsKey.privateKeyPem, cert: tlsKey.certificatePem }, getRequestListener(echo));

process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit(0));
process.send?.({
  plain: await listen(plain),
  tls: await listen(tls),
  certificate: tlsKey.certificatePem,
  keyId: key.keyId,
  publicKey: encodeHex(key.keyPair.publicKey),
  collateral,
} satisfies EchoServer);
