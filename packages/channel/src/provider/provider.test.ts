/** All providers against the RFCs' vectors, and against each other in both directions. */

import nodeCrypto, { createPrivateKey } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { describe, expect, it } from 'vitest';
import { dhkemPair } from '../hpke/dhkem.ts';
import { setupRecipient, setupSender } from '../hpke/hpke.ts';
import { firstBlock, hkdfExpand, kdfSuite } from '../hpke/kdf.ts';
import { dhkemX25519 } from '../hpke/kem.ts';
import { freshNonce, responseStream } from '../ohttp/response-key.ts';
import { currentProvider } from './current.ts';
import { type NodeCrypto, nodeProvider, nodeX25519 } from './node.ts';
import { nodeDhkemPair } from './node-dhkem.ts';
import type { DhkemPair, Provider } from './provider.ts';
import { WEB_PROVIDER, webX25519 } from './web.ts';

const node = nodeCrypto as unknown as NodeCrypto;
const NODE = nodeProvider(node);
/** Node before 24.7: the KEM is put together from X25519 and HMAC. */
const OLDER_NODE: Provider = { ...NODE, dhkem: null };
const PROVIDERS: readonly (readonly [string, Provider])[] = [
  ['node', NODE],
  ['older node', OLDER_NODE],
  ['web', WEB_PROVIDER],
];
const pairs = PROVIDERS.flatMap(([a, one]) => PROVIDERS.map(([b, other]) => [a, b, one, other] as const));

/** The recipient of a vector, its private key held by the provider. */
async function recipient(name: string, provider: Provider, secretHex: string, publicHex: string): Promise<DhkemPair> {
  const [d, publicKey] = [decodeHex(secretHex), decodeHex(publicHex)];
  const jwk = {
    kty: 'OKP',
    crv: 'X25519',
    d: Buffer.from(d).toString('base64url'),
    x: Buffer.from(publicKey).toString('base64url'),
  };
  if (name === 'web') {
    const key = await crypto.subtle.importKey('jwk', jwk, 'X25519', false, ['deriveBits']);
    return dhkemPair(provider, webX25519(key, publicKey));
  }
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const whole = provider.dhkem === null ? null : nodeDhkemPair(node, key, publicKey);
  return whole ?? dhkemPair(provider, nodeX25519(node, key, publicKey));
}

describe.each(PROVIDERS)('%s', (name, provider) => {
  it('has the KEM that is tested here', () => {
    expect(provider.dhkem !== null).toBe(name === 'node' && nodeCrypto.encapsulate !== undefined);
  });

  it('gives HMAC-SHA256 of RFC 4231, long keys and long messages included', () => {
    const digest = (key: Uint8Array, message: Uint8Array): string => encodeHex(provider.hmac(key)(message));
    expect(digest(new Uint8Array(20).fill(0x0b), utf8('Hi There'))).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    );
    expect(digest(utf8('Jefe'), utf8('what do ya want for nothing?'))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
    expect(digest(new Uint8Array(131).fill(0xaa), utf8('Test Using Larger Than Block-Size Key - Hash Key First'))).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
    const long = new Uint8Array(5000).fill(7);
    expect(digest(long, long)).toBe(nodeCrypto.createHmac('sha256', long).update(long).digest('hex'));
    expect(digest(new Uint8Array(0), new Uint8Array(0))).toBe(nodeCrypto.createHmac('sha256', '').update('').digest('hex'));
  });

  it('keeps the digests of several keys apart', () => {
    const keys = Array.from({ length: 20 }, () => crypto.getRandomValues(new Uint8Array(32)));
    const hmacs = keys.map((key) => provider.hmac(key));
    const message = utf8('the same for all');
    for (const [index, hmac] of hmacs.entries())
      expect(encodeHex(hmac(message))).toBe(nodeCrypto.createHmac('sha256', keys[index]!).update(message).digest('hex'));
  });

  it('derives what RFC 9180 §A.1.1 lists (X25519, HKDF-SHA256; its AEAD is AES-128-GCM)', async () => {
    const encapsulated = decodeHex('37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431');
    const pair = await recipient(
      name,
      provider,
      '4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8',
      '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
    );
    const sharedSecret = await pair.decapsulate(encapsulated);
    expect(encodeHex(sharedSecret)).toBe('fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc');
    const kdf = kdfSuite(decodeHex('48504b45002000010001'), provider);
    const none = new Uint8Array(0);
    const context = concatBytes(
      Uint8Array.of(0),
      kdf.extract(none, 'psk_id_hash', none),
      kdf.extract(none, 'info_hash', utf8('Ode on a Grecian Urn')),
    );
    const secret = provider.hmac(kdf.extract(sharedSecret, 'secret', none));
    const derived = (label: string, length: number): string =>
      encodeHex(hkdfExpand(secret, kdf.block(label, context, length), length));
    expect(derived('key', 16)).toBe('4531685d41d65f03dc48f6b8302c05b0');
    expect(derived('base_nonce', 12)).toBe('56d890e5accaaf011cff4b7d');
    expect(derived('exp', 32)).toBe('45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8');
    const key = await provider.aesGcm(decodeHex(derived('key', 16)));
    const sealed = await key.seal(decodeHex(derived('base_nonce', 12)), utf8('Beauty is truth, truth beauty'), utf8('Count-0'));
    expect(encodeHex(sealed)).toBe(
      'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
    );
  });

  it('opens the request and makes the answer of RFC 9458 §A', async () => {
    const request = decodeHex(
      '010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525',
    );
    const pair = await recipient(
      name,
      provider,
      '3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a',
      '31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155',
    );
    const encapsulated = request.subarray(7, 39);
    const sharedSecret = await pair.decapsulate(encapsulated);
    const kdf = kdfSuite(decodeHex('48504b45002000010001'), provider);
    const none = new Uint8Array(0);
    const info = concatBytes(utf8('message/bhttp request'), Uint8Array.of(0), request.subarray(0, 7));
    const context = concatBytes(Uint8Array.of(0), kdf.extract(none, 'psk_id_hash', none), kdf.extract(none, 'info_hash', info));
    const secret = provider.hmac(kdf.extract(sharedSecret, 'secret', none));
    const derive = (label: string, length: number): Uint8Array => hkdfExpand(secret, kdf.block(label, context, length), length);
    const opened = await (await provider.aesGcm(derive('key', 16))).open(derive('base_nonce', 12), request.subarray(39), none);
    expect(encodeHex(opened)).toBe('00034745540568747470730b6578616d706c652e636f6d012f');

    const exported = hkdfExpand(provider.hmac(derive('exp', 32)), kdf.block('sec', utf8('message/bhttp response'), 16), 16);
    const nonce = decodeHex('c789e7151fcba46158ca84b04464910d');
    const prk = provider.hmac(provider.hmac(concatBytes(encapsulated, nonce))(exported));
    const answerKey = await provider.aesGcm(hkdfExpand(prk, firstBlock(utf8('key')), 16));
    const sealed = await answerKey.seal(hkdfExpand(prk, firstBlock(utf8('nonce')), 12), Uint8Array.of(1, 0x40, 0xc8), none);
    expect(encodeHex(concatBytes(nonce, sealed))).toBe(
      'c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd',
    );
  });

  it('makes pairs whose halves fit, no two alike', async () => {
    const kem = dhkemX25519(provider);
    const pair = await kem.generate();
    const made = await Promise.all(Array.from({ length: 50 }, () => kem.encapsulate(pair.publicKey)));
    expect(new Set(made.map(({ encapsulated }) => encodeHex(encapsulated))).size).toBe(50);
    for (const { encapsulated, sharedSecret } of made) expect(await pair.decapsulate(encapsulated)).toEqual(sharedSecret);
  });

  it.each([
    ['zero', '0'.repeat(64)],
    ['one', `01${'0'.repeat(62)}`],
    ['a point of order eight', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
    ['another of order eight', '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'],
    ['a key that is too short', '01'.repeat(31)],
  ])('refuses %s as a key of either end', async (_name, hex) => {
    const kem = dhkemX25519(provider);
    const refused = { code: 'channel/decryption-failed' };
    await expect(kem.encapsulate(decodeHex(hex))).rejects.toMatchObject(refused);
    await expect((await kem.generate()).decapsulate(decodeHex(hex))).rejects.toMatchObject(refused);
  });

  it('refuses a ciphertext with any bit changed, or shorter than its tag', async () => {
    const [bytes, nonce] = [crypto.getRandomValues(new Uint8Array(32)), new Uint8Array(12)];
    const key = await provider.aesGcm(bytes);
    const sealed = await key.seal(nonce, utf8('secret'), utf8('final'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const spoilt = sealed.slice();
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect((async () => key.open(nonce, spoilt, utf8('final')))()).rejects.toThrow();
    }
    await expect((async () => key.open(nonce, sealed, utf8('')))()).rejects.toThrow();
    await expect((async () => key.open(nonce, sealed.subarray(0, 15), utf8('final')))()).rejects.toThrow();
  });
});

describe.each(pairs)('from %s to %s', (_from, _to, from, to) => {
  it('opens requests and answers, message after message', async () => {
    const keyPair = await dhkemX25519(to).generate();
    const info = utf8('info of this test');
    const sender = await setupSender(dhkemX25519(from), keyPair.publicKey, info, from);
    const opener = await setupRecipient(keyPair, sender.encapsulated, info, to);
    for (const text of ['', 'a', 'x'.repeat(5000)]) {
      const sealed = await sender.stream.seal(utf8(text), utf8('aad'));
      expect(await opener.stream.open(sealed, utf8('aad'))).toEqual(utf8(text));
    }
    const label = utf8('message/bhttp chunked response');
    const [ours, theirs] = [sender.export(label, 32), opener.export(label, 32)];
    expect(theirs).toEqual(ours);
    const nonce = freshNonce();
    const answer = responseStream(theirs, sender.encapsulated, nonce, to);
    const reader = responseStream(ours, sender.encapsulated, nonce, from);
    for (const text of ['one', 'two', '']) expect(await reader.open(await answer.seal(utf8(text)))).toEqual(utf8(text));
  });
});

it('takes WebCrypto where there is no whole node:crypto', () => {
  const { getBuiltinModule } = process;
  try {
    for (const part of [undefined, {}, { hash: () => '' }]) {
      process.getBuiltinModule = (() => part) as never;
      expect(currentProvider()).toBe(WEB_PROVIDER);
    }
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
  expect(currentProvider()).not.toBe(WEB_PROVIDER);
});

it('hands out no response nonce twice', () => {
  const nonces = Array.from({ length: 500 }, () => encodeHex(freshNonce()));
  expect(new Set(nonces).size).toBe(500);
  expect(nonces.some((nonce) => /^(?:00){8}/.test(nonce))).toBe(false);
});
