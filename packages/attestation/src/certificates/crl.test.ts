/** The form of CRLs (RFC 5280 §5.1): each part that is missing, twice or of another kind is refused by its name. path.test.ts verifies them. */

import { concatBytes } from '@assay/encoding/bytes';
import { DER_TAG, readDer } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { ALGORITHM_IDENTIFIERS, encodeDerTime, encodeName, encodeSigned } from '@assay/encoding/x509-writer';
import { expect, test } from 'vitest';
import { parseCrl } from './crl.ts';

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encodeDer(DER_TAG.sequence, ...parts);
const integer = (value: number): Uint8Array => encodeDerUnsigned(Uint8Array.of(value));
const NULL = encodeDer(DER_TAG.null);
const ALGORITHM = ALGORITHM_IDENTIFIERS['ecdsa-sha384'];
const ISSUER = encodeName({ CN: 'ca' });
const TIME = encodeDerTime(0);
const BODY = [ALGORITHM, ISSUER, TIME, TIME];
const list = (...fields: readonly Uint8Array[]): Uint8Array => encodeSigned(sequence(...fields), ALGORITHM, new Uint8Array(8));
const entries = (...serials: readonly Uint8Array[]): Uint8Array => sequence(...serials.map((serial) => sequence(serial, TIME)));

test('a list of version 1 or 2 names the serials that are revoked', () => {
  for (const version of [[], [integer(1)]]) {
    const crl = parseCrl(list(...version, ...BODY, entries(integer(5), integer(7))));
    expect(crl).toMatchObject({ issuerText: 'CN=ca', thisUpdate: 0, nextUpdate: 0 });
    expect(['05', '06', '07'].map(crl.isRevoked)).toEqual([true, false, true]);
  }
});

const parts = readDer(list(...BODY))
  .children()
  .map(({ raw }) => raw);

test.each<[string, Uint8Array, string]>([
  ['a fourth part', sequence(...parts, NULL), 'three parts'],
  ['no signature', sequence(...parts.slice(0, 2)), 'three parts'],
  ['version 3', list(integer(2), ...BODY), 'version 2'],
  ['no time', list(ALGORITHM, ISSUER), 'all fields of a tbsCertList'],
  [
    'another algorithm inside than outside',
    list(ALGORITHM_IDENTIFIERS['ecdsa-sha256'], ISSUER, TIME),
    'the same algorithm inside and outside',
  ],
  ['extensions in version 1', list(...BODY, encodeDer(0xa0, sequence())), 'nothing after the extensions'],
  [
    'a field behind its extensions',
    list(integer(1), ...BODY, encodeDer(0xa0, sequence()), NULL),
    'nothing after the extensions',
  ],
  ['an entry without a serial', list(...BODY, sequence(sequence())), 'a serial in every entry'],
  ['bytes behind its end', concatBytes(list(...BODY), NULL), 'a der crl'],
])('a list with %s is malformed', (_, der, words) => {
  expect(() => parseCrl(der)).toThrow(expect.objectContaining({ code: 'certificate/crl-malformed' }));
  expect(() => parseCrl(der)).toThrow(new RegExp(`^expected ${words}`));
});
