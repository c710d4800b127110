/** A byte that was changed is named as such (authenticate-bundle.ts), also where the evidence is under a root that is not trusted. */

import { utf8 } from '@assay/encoding/bytes';
import { fakeLog } from '@assay/testing';
import { expect, test } from 'vitest';
import { authenticateBundle } from './authenticate-bundle.ts';
import { encodeBundle } from './bundle.ts';
import { digestBytes } from './digest.ts';

const NOT_TRUSTED = new Error('the root is not trusted');
const log = fakeLog({ receipts: 2 });
const refusal = (bytes: Uint8Array): Promise<unknown> =>
  authenticateBundle(bytes, { verifyEvidence: () => Promise.reject(NOT_TRUSTED) }).catch((error: unknown) => error);

test('untrusted evidence of a file as it was made is named', async () => expect(await refusal(log.bytes)).toBe(NOT_TRUSTED));

test('a payload that is not the one named comes first', async () => {
  const payloads = new Map([[digestBytes(utf8('print(0)')), utf8('print(9)')]]);
  expect(await refusal(encodeBundle({ ...log.bundle, payloads }))).toMatchObject({ code: 'bundle/payload-mismatch' });
});

test('so does every other change, of the evidence too: the log has its report', { timeout: 120_000 }, async () => {
  const hidden: number[] = [];
  for (let at = 0; at < log.bytes.length; at += 29) {
    const changed = log.bytes.slice();
    changed[at]! ^= 1;
    if ((await refusal(changed)) === NOT_TRUSTED) hidden.push(at);
  }
  expect(hidden).toEqual([]);
});
