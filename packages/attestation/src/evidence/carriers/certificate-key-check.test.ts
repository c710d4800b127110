/** Which report data commits to a certificate's key: each way in use, and none that is only nearly one. */

import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { encodeCbor } from '@assay/encoding/cbor';
import { encodeHex } from '@assay/encoding/hex';
import { expect, test } from 'vitest';
import { certificateKeyCheck } from './certificate-key-check.ts';

const spki = utf8('a public key');
const digest = async (name: string, bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest(name, Uint8Array.from(bytes)));
const padded = (bytes: Uint8Array): Uint8Array => joinBytes([bytes, new Uint8Array(64 - bytes.length)]);
const claimsOf = async (algorithm: number, name: string, key: Uint8Array): Promise<Uint8Array> =>
  encodeCbor(new Map([['pubkey-hash', encodeCbor([algorithm, await digest(name, key)])]]));

const tagged = joinBytes([utf8('ratls-cert:'), spki]);
const claims = await claimsOf(7, 'SHA-384', spki);
const foreign = await claimsOf(1, 'SHA-256', utf8('another key'));
const unknown = await claimsOf(2, 'SHA-256', spki);

test.each<[string, Uint8Array | null, Uint8Array | null, string]>([
  ['SHA-256 of the key', padded(await digest('SHA-256', spki)), null, 'pass'],
  ['SHA-384 of the key', padded(await digest('SHA-384', spki)), null, 'pass'],
  ['SHA-512 of the key', await digest('SHA-512', spki), null, 'pass'],
  ['SHA-512 of the tagged key', await digest('SHA-512', tagged), null, 'pass'],
  ['claims that name the key', padded(await digest('SHA-256', claims)), claims, 'pass'],
  ['the hash of another key', padded(await digest('SHA-256', utf8('another key'))), null, 'not-checked'],
  ['a hash with bytes behind it', joinBytes([await digest('SHA-256', spki), new Uint8Array(32).fill(1)]), null, 'not-checked'],
  ['half of a hash', (await digest('SHA-512', spki)).subarray(0, 32), null, 'not-checked'],
  ['claims that name another key', padded(await digest('SHA-256', foreign)), foreign, 'not-checked'],
  ['claims with an unknown hash', padded(await digest('SHA-256', unknown)), unknown, 'not-checked'],
  ['claims that are no CBOR', padded(await digest('SHA-256', spki.subarray(1))), spki.subarray(1), 'not-checked'],
  ['no report data', null, null, 'not-checked'],
])('%s', async (_name, reportData, given, outcome) => {
  const check = await certificateKeyCheck({ spki, claims: given }, reportData === null ? null : encodeHex(reportData));
  expect(check).toMatchObject({ id: 'evidence.certificate-key', outcome });
});
