/** What depends on the key and the form of a message only (its HPKE info, RFC 9180 §5.1) is hashed with the first message, not with each. */

import nodeCrypto, { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expect, test, vi } from 'vitest';
import { setupRecipient, setupSender } from '../hpke/hpke.ts';
import { X25519 } from '../hpke/kem.ts';
import { decapsulateRequest, encapsulateRequest } from './message.ts';

let keyIds = 0;
const keyPair = await X25519.generate();

/** How often something that contains `info` is hashed during `act`. */
async function hashesOf(info: Uint8Array, act: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const hash = (algorithm: string, input: Uint8Array): string => {
    if (encodeHex(input).includes(encodeHex(info))) count += 1;
    return createHash(algorithm).update(input).digest().toString('latin1');
  };
  const spy = vi.spyOn(nodeCrypto, 'hash').mockImplementation(hash as unknown as typeof nodeCrypto.hash);
  try {
    await act();
  } finally {
    spy.mockRestore();
  }
  return count;
}

/** A use of an info that no message had before. */
interface Use {
  readonly info: Uint8Array;
  readonly act: () => Promise<unknown>;
}

function request(form: 'whole' | 'chunked'): Use {
  const config = { keyId: keyIds++, kem: X25519.id, publicKey: keyPair.publicKey };
  const label = form === 'whole' ? 'message/bhttp request' : 'message/bhttp chunked request';
  const info = concatBytes(utf8(label), Uint8Array.of(0, config.keyId, 0, 0x20, 0, 1, 0, 2));
  return {
    info,
    act: async () =>
      decapsulateRequest((await encapsulateRequest(config, utf8('ask'), form)).bytes, form, [{ ...config, keyPair }]),
  };
}

test.each<[string, () => Use]>([
  [
    'contexts of an info that its caller keeps',
    () => {
      const info = crypto.getRandomValues(new Uint8Array(16));
      const act = async () => setupRecipient(keyPair, (await setupSender(X25519, keyPair.publicKey, info)).encapsulated, info);
      return { info, act };
    },
  ],
  ['whole requests under one key id', () => request('whole')],
  ['chunked requests under one key id', () => request('chunked')],
])('%s', async (_name, use) => {
  const { info, act } = use();
  expect(await hashesOf(info, act)).toBe(1);
  expect(await hashesOf(info, act)).toBe(0);
});
