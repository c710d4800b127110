/** The keys beside OHTTP's: TLS, the tutorial's, EHBP's. */

import { createHash } from 'node:crypto';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import {
  ENCAPSULATED_KEY_HEADER,
  KEY_CONFIG_PROBLEM,
  openExchange,
  parseKeyConfigs,
  sealFrame,
  TALK_ALGORITHM,
} from '@assay/channel';
import { bindingOf, sealEnvelope } from '@assay/channel/tutorial';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseReport } from '@assay/receipt';
import { expect, it } from 'vitest';
import { startClockedAgent } from './agent.ts';

const HOUR = 3_600_000;
const spkiHash = (socket: TLSSocket): string =>
  createHash('sha256')
    .update(socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

it('TLS: standing connections stay, new ones are under the new attested key', { timeout: 180_000 }, async () => {
  const { url, agent } = await startClockedAgent({ ASSAY_TLS: 'enclave' });
  const { port } = new URL(url);
  const kept = new HttpsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const get = (path: string): Promise<{ status: number; text: string; socket: TLSSocket }> =>
    new Promise((resolve, reject) => {
      httpsRequest(`${url}${path}`, { agent: kept }, (answer) => {
        const socket = answer.socket as TLSSocket;
        let text = '';
        answer.on('data', (piece: Buffer) => {
          text += piece.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, socket }));
      })
        .on('error', reject)
        .end();
    });
  const handshake = (session?: Buffer): Promise<{ pin: string; resumed: boolean }> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect(
        { port: Number(port), host: '127.0.0.1', rejectUnauthorized: false, ...(session === undefined ? {} : { session }) },
        () => {
          resolve({ resumed: socket.isSessionReused(), pin: socket.isSessionReused() ? '' : spkiHash(socket) });
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  const pins = async (): Promise<readonly string[]> =>
    parseReport(JSON.parse((await get('/v1/aci/attestation')).text), null).keyset.tls_public_keys.map(
      ({ spki_sha256: pin }) => pin,
    );
  const first = await get('/health');
  const session = first.socket.getSession();
  const before = await pins();
  expect(before).toEqual([spkiHash(first.socket)]);
  expect((await handshake()).pin).toBe(before[0]);
  expect((await handshake(session)).resumed, 'a ticket works while its key is in force').toBe(true);

  await agent.rotateKeys();
  const again = await get('/health');
  expect([again.status, again.socket === first.socket]).toEqual([200, true]);
  const after = await pins();
  expect(after).not.toEqual(before);
  expect(await handshake()).toEqual({ pin: after[0], resumed: false });
  expect(await handshake(session), 'a ticket of the old key opens nothing').toEqual({ pin: after[0], resumed: false });
  kept.destroy();
});

it("the tutorial's key: the old one opens requests for the overlap, and then no more", {
  timeout: 180_000,
}, async () => {
  const clocked = await startClockedAgent({ ASSAY_KEY_HOURS: '24', ASSAY_KEY_OVERLAP_MINUTES: '60' });
  const keyOf = async (): Promise<Uint8Array> => {
    const report = parseReport(await (await fetch(`${clocked.url}/v1/aci/attestation`)).json(), null);
    return decodeHex(report.keyset.e2ee_public_keys.find(({ algo }) => algo === TALK_ALGORITHM)!.public_key);
  };
  const shown = async (): Promise<string> =>
    ((await (await fetch(`${clocked.url}/attestation`)).json()) as { attestation_doc: { public_key: string } }).attestation_doc
      .public_key;
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits']);
  const clientSpki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const talk = async (serverSpki: Uint8Array, nonce = crypto.getRandomValues(new Uint8Array(32))): Promise<string> => {
    const additionalData = bindingOf('request', nonce, clientSpki);
    const data = await sealEnvelope(
      { privateKey: pair.privateKey, peerSpki: serverSpki, nonce, additionalData },
      utf8('{"api_key":"","message":"m"}'),
    );
    const body = JSON.stringify({ v: 1, nonce: encodeHex(nonce), public_key: encodeHex(clientSpki), data: encodeHex(data) });
    const answer = await fetch(`${clocked.url}/talk`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    return ((await answer.json()) as { error: string }).error;
  };
  const opened = 'invalid api_key'; // it decrypted: what is wrong stands inside
  const old = await keyOf();
  expect(await shown()).toBe(encodeHex(old));
  expect(await talk(old)).toBe(opened);
  await clocked.agent.rotateKeys();
  const next = await keyOf();
  expect(await shown()).toBe(encodeHex(next));
  expect([await talk(old), await talk(next)]).toEqual([opened, opened]);
  clocked.set(clocked.now() + HOUR);
  expect(await talk(old)).toMatch(/does not decrypt/);
  expect(await talk(next)).toBe(opened);
});

it('EHBP: both keys open bodies for the overlap, and a body is taken once whichever opened it', {
  timeout: 180_000,
}, async () => {
  const clocked = await startClockedAgent({ ASSAY_KEY_HOURS: '24', ASSAY_KEY_OVERLAP_MINUTES: '60' });
  const config = async () =>
    parseKeyConfigs(new Uint8Array(await (await fetch(`${clocked.url}/.well-known/hpke-keys`)).arrayBuffer()))[0]!;
  const send = async (key: Awaited<ReturnType<typeof config>>, times = 1): Promise<readonly unknown[]> => {
    const exchange = await openExchange(key);
    const sealed = await sealFrame(
      exchange.request,
      utf8(JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'hi' }] })),
    );
    const answers: unknown[] = [];
    for (let n = 0; n < times; n += 1) {
      const answer = await fetch(`${clocked.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [ENCAPSULATED_KEY_HEADER]: encodeHex(exchange.encapsulated) },
        body: sealed as BodyInit,
      });
      answers.push(answer.status);
      if (answer.status === 422) answers.push(((await answer.json()) as { type: string }).type);
      else await answer.arrayBuffer();
    }
    return answers;
  };
  const old = await config();
  await clocked.agent.rotateKeys();
  expect(await send(old, 2)).toEqual([200, 409]);
  expect(await send(await config(), 2)).toEqual([200, 409]);
  clocked.set(clocked.now() + HOUR);
  expect(await send(old)).toEqual([422, KEY_CONFIG_PROBLEM]);
  expect(await send(await config())).toEqual([200]);
});
