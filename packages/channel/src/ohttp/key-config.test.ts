/** Keys that are no keys: refused before anything is sealed to them. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { test } from 'vitest';
import { openExchange } from '../ehbp/body.ts';
import type { KemId } from '../hpke/kem.ts';
import type { KeyConfig } from './key-config.ts';
import { encapsulateRequest } from './message.ts';

const seal: readonly (readonly [string, (config: KeyConfig) => Promise<unknown>])[] = [
  ['OHTTP', (config) => encapsulateRequest(config, utf8('question'), 'whole')],
  ['chunked OHTTP', (config) => encapsulateRequest(config, utf8('question'), 'chunked')],
  ['EHBP', (config) => openExchange(config)],
];

const defects: readonly (readonly [string, KemId, number, readonly string[]])[] = [
  ['a short X25519 key', 0x0020, 31, ['32 bytes', 'got 31', '0x0020']],
  ['no key', 0x0020, 0, ['32 bytes', 'got 0']],
  ['an X25519 key under the name of X-Wing', 0x647a, 32, ['1216 bytes', 'got 32', '0x647a']],
  ['an X-Wing key under the name of X25519', 0x0020, 1216, ['32 bytes', 'got 1216']],
  // Callers without types: P-256 is no KEM of this channel.
  ['another KEM', 0x0010 as KemId, 65, ['0x0020 or 0x647a', 'got 65', '0x0010']],
];

test.each(
  seal.flatMap(([form, send]) => defects.map(([defect, kem, length, words]) => ({ form, send, defect, kem, length, words }))),
)('channel/key-invalid: $defect for $form', async ({ send, kem, length, words }) => {
  await expectRefusal(send({ keyId: 1, kem, publicKey: new Uint8Array(length) }), 'channel/key-invalid', words);
});
