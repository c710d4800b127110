/** What no peer of ours provokes of the key encapsulation: a destroyed key, a secret of nothing, an output that is too long. */

import { expectCode } from '@assay/testing';
import { describe, expect, test, vi } from 'vitest';
import { WEB_PROVIDER } from '../provider/web.ts';
import { dhkemPair } from './dhkem.ts';
import { hkdfExpand } from './kdf.ts';
import { dhkemX25519, X_WING, X25519 } from './kem.ts';

describe.each([X25519, dhkemX25519(WEB_PROVIDER), X_WING])('KEM $id', (kem) => {
  test('a key that was destroyed opens nothing more', async () => {
    const pair = await kem.generate();
    const { encapsulated } = await kem.encapsulate(pair.publicKey);
    await pair.decapsulate(encapsulated);
    pair.destroy();
    const refused = await expectCode(pair.decapsulate(encapsulated), 'channel/decryption-failed');
    expect(refused).toMatchObject({ cause: { message: 'the key was destroyed' } });
  });
});

test('destroying an X-Wing pair overwrites its private half', async () => {
  const random = vi.spyOn(crypto, 'getRandomValues');
  const pair = await X_WING.generate();
  const seeds = random.mock.calls.map(([array]) => array as Uint8Array).filter((array) => array.length === 32);
  random.mockRestore();
  expect(seeds).toHaveLength(1); // the private half: everything else is derived from it at each use
  expect(seeds).not.toEqual([new Uint8Array(32)]);
  pair.destroy();
  expect(seeds).toEqual([new Uint8Array(32)]);
});

test('a shared secret of zeros is refused, also where the platform lets it through', async () => {
  const zeros = dhkemPair(WEB_PROVIDER, { publicKey: new Uint8Array(32), agree: async () => new Uint8Array(32) });
  await expect(zeros.decapsulate(new Uint8Array(32))).rejects.toThrow('low-order point');
});

test('an output of more than one hash is refused', () => {
  const hmac = () => new Uint8Array(32);
  expect(hkdfExpand(hmac, new Uint8Array(1), 32)).toHaveLength(32);
  expect(() => hkdfExpand(hmac, new Uint8Array(1), 33)).toThrow(RangeError);
});
