/** What the one-shot HMAC leaves in memory: the arrays that it hands to the hash tell the key, and are zeros once the digest is there. */

import { createHash, createHmac } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { expect, test } from 'vitest';
import { type OneShotHash, oneShotHmac } from './node-hmac.ts';

const SCRATCH = 1024; // bytes of a message that are hashed in the shared array

test.each([
  ['nothing', 0],
  ['a short message', 20],
  ['the longest message in the shared array', SCRATCH],
  ['a message in an array of its own', SCRATCH + 1],
])('%s: pads and inner digest are overwritten', (_name, length) => {
  const handed: Uint8Array[] = [];
  const hash: OneShotHash = (algorithm, input) => {
    handed.push(input);
    return createHash(algorithm).update(input).digest().toString('latin1');
  };
  const [key, message] = [new Uint8Array(32).fill(7), new Uint8Array(length).fill(9)];
  const digest = oneShotHmac(hash, key)(message);
  expect(encodeHex(digest)).toBe(createHmac('sha256', key).update(message).digest('hex'));
  expect(handed.map((input) => input.length)).toEqual([64 + length, 64 + 32]);
  for (const input of handed) expect(input.every((byte) => byte === 0)).toBe(true);
  expect([key, message]).toEqual([new Uint8Array(32).fill(7), new Uint8Array(length).fill(9)]); // the caller's stay as they are
});
