/** RFC 9180 base mode, held against @hpke/core in both directions, and the hybrid against itself. */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectRefusal } from '@assay/testing';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, it } from 'vitest';
import { currentProvider } from '../provider/current.ts';
import { WEB_PROVIDER } from '../provider/web.ts';
import { AeadStream } from './aead.ts';
import { setupRecipient, setupSender } from './hpke.ts';
import { dhkemX25519, X_WING, X25519 } from './kem.ts';

const peer = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const info = utf8('info of this test');
const message = utf8('a message');
const copy = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer as ArrayBuffer;

describe('against @hpke/core', () => {
  it('opens what the peer sealed, message after message, and exports the same secrets', async () => {
    const ours = await X25519.generate();
    const sender = await peer.createSenderContext({
      recipientPublicKey: await peer.kem.deserializePublicKey(copy(ours.publicKey)),
      info: copy(info),
    });
    const context = await setupRecipient(ours, new Uint8Array(sender.enc), info);
    for (let count = 0; count < 3; count += 1) {
      const sealed = await sender.seal(copy(message), copy(utf8(`aad ${count}`)));
      expect(await context.stream.open(new Uint8Array(sealed), utf8(`aad ${count}`))).toEqual(message);
    }
    const theirs = await sender.export(copy(utf8('label')), 32);
    expect(encodeHex(context.export(utf8('label'), 32))).toBe(encodeHex(new Uint8Array(theirs)));
  });

  it('seals what the peer opens', async () => {
    const pair = await peer.kem.generateKeyPair();
    const publicKey = new Uint8Array(await peer.kem.serializePublicKey(pair.publicKey));
    const context = await setupSender(X25519, publicKey, info);
    const recipient = await peer.createRecipientContext({
      recipientKey: pair.privateKey,
      enc: copy(context.encapsulated),
      info: copy(info),
    });
    for (let count = 0; count < 3; count += 1) {
      expect(new Uint8Array(await recipient.open(copy(await context.stream.seal(message))))).toEqual(message);
    }
  });
});

describe.each([X25519, dhkemX25519(WEB_PROVIDER), X_WING])('KEM $id', (kem) => {
  it('has the announced lengths and agrees with itself', async () => {
    const pair = await kem.generate();
    expect(pair.publicKey.length).toBe(kem.publicKeyLength);
    const sender = await setupSender(kem, pair.publicKey, info);
    expect(sender.encapsulated.length).toBe(kem.encapsulatedLength);
    const recipient = await setupRecipient(pair, sender.encapsulated, info);
    expect(await recipient.stream.open(await sender.stream.seal(message))).toEqual(message);
  });

  it('refuses another info, another key and a changed ciphertext', async () => {
    const pair = await kem.generate();
    const sender = await setupSender(kem, pair.publicKey, info);
    const sealed = await sender.stream.seal(message);
    const refused = { code: 'channel/decryption-failed' };
    await expect((await setupRecipient(pair, sender.encapsulated, utf8('other'))).stream.open(sealed)).rejects.toMatchObject(
      refused,
    );
    await expect(
      (await setupRecipient(await kem.generate(), sender.encapsulated, info)).stream.open(sealed),
    ).rejects.toMatchObject(refused);
    sealed[0] = (sealed[0] ?? 0) ^ 1;
    await expect((await setupRecipient(pair, sender.encapsulated, info)).stream.open(sealed)).rejects.toMatchObject(refused);
  });
});

describe('a key that cannot be sealed to has its code', () => {
  const overflow = async (): Promise<Uint8Array> => {
    const { publicKey } = await X_WING.generate();
    return Uint8Array.from(publicKey, (byte, index) => (index < 2 ? 0xff : byte)); // the first coefficient is above q
  };
  const lowOrder = async (): Promise<Uint8Array> => (await X_WING.generate()).publicKey.slice().fill(0, 1184);
  it.each([
    ['X25519, low order', X25519, async () => new Uint8Array(32)],
    ['X25519 by WebCrypto, low order', dhkemX25519(WEB_PROVIDER), async () => new Uint8Array(32)],
    ['X25519, low order 1', X25519, async () => Uint8Array.of(1, ...new Uint8Array(31))],
    ['X25519, 31 bytes', X25519, async () => new Uint8Array(31)],
    ['X-Wing, a coefficient of q or more', X_WING, overflow],
    ['X-Wing, low order in its X25519 half', X_WING, lowOrder],
    ['X-Wing, 1,215 bytes', X_WING, async () => new Uint8Array(1215)],
    ['X-Wing, nothing', X_WING, async () => new Uint8Array(0)],
  ])('%s', async (_name, kem, key) => {
    await expectRefusal(setupSender(kem, await key(), info), 'channel/decryption-failed', ['expected a public key']);
  });

  it.each([X25519, dhkemX25519(WEB_PROVIDER), X_WING])('as has an encapsulated key for KEM $id', async (kem) => {
    const pair = await kem.generate();
    for (const length of [0, kem.encapsulatedLength - 1, kem.encapsulatedLength])
      await expect(setupRecipient(pair, new Uint8Array(length), info)).rejects.toMatchObject({
        code: 'channel/decryption-failed',
      });
  });
});

it('gives the same bytes on both platforms', async () => {
  expect(currentProvider()).not.toBe(WEB_PROVIDER); // these tests run in Node
  const [key, nonce] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(12))];
  const [node, web] = [new AeadStream(key, nonce), new AeadStream(key, nonce, WEB_PROVIDER)];
  for (const text of ['', 'a', 'x'.repeat(5000)])
    expect(await node.seal(utf8(text), info)).toEqual(await web.seal(utf8(text), info));
  const pair = await dhkemX25519(WEB_PROVIDER).generate();
  const { encapsulated, sharedSecret } = await X25519.encapsulate(pair.publicKey);
  expect(await pair.decapsulate(encapsulated)).toEqual(sharedSecret);
});
