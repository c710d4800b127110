/** A file that no reader takes is named for what it is, with what to do. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodePem } from '@assay/encoding/pem';
import { FAKE_NOW, fakeChain, fakeCrl, fakeKey, fakeTpmQuote } from '@assay/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verify } from '../../verify.ts';
import { describeFile } from './file-kind.ts';

const key = await fakeKey('RSA', 'kind');
const { leaf, intermediate } = await fakeChain();
const { document } = await fakeTpmQuote({ bare: true, signer: key });
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const tar = new Uint8Array(1024);
tar.set(utf8('ustar'), 257);

const FILES: readonly (readonly [string, string | Uint8Array, string, string])[] = [
  ['nothing', '', 'an empty file', 'export'],
  ['gzip', bytes(0x1f, 0x8b, 8, 0), 'a gzip archive', 'unpack'],
  ['zip', bytes(0x50, 0x4b, 3, 4), 'a zip archive', 'unpack'],
  ['tar', tar, 'a tar archive', 'unpack'],
  ['ELF', bytes(0x7f, 0x45, 0x4c, 0x46), 'an executable', 'path'],
  ['an enclave image', utf8('.eif\u0000\u0004'), 'an enclave image', 'policy'],
  ['a TDREPORT', concatBytes(bytes(0x81), new Uint8Array(1023).fill(7)), 'a TD report', 'quot'],
  ['an SGX report', new Uint8Array(432).fill(7), 'an SGX report', 'quot'],
  [
    'a TCG event log',
    concatBytes(new Uint8Array(32), utf8('Spec ID Event03'), new Uint8Array(40)),
    'a boot event log',
    'quote',
  ],
  ['a certificate', leaf.der, 'a certificate without evidence', '--collateral'],
  ['a certificate in PEM', encodePem('CERTIFICATE', leaf.der), 'certificates without evidence', '--collateral'],
  ['a CRL', await fakeCrl({ issuer: intermediate }), 'revocation list', '--collateral'],
  ['a broken PEM', '-----BEGIN CERTIFICATE REPORT-----\nAA', 'PEM block that is broken', 'BEGIN and END'],
  ['a private key', encodePem('PRIVATE KEY', bytes(0x30, 0)), 'a private key', 'secret'],
  ['a public key', key.spki, 'a public key', '--root'],
  ['a public key in PEM', encodePem('PUBLIC KEY', key.spki), 'a public key', '--root'],
  ['a TPM signature', Buffer.from(document.signature, 'hex'), 'the signature of a TPM quote', 'message'],
  ['tpm2_pcrread', 'sha256:\n  0 : 0xAB\n', 'the PCR values', '--collateral'],
  ['tpm2_print', 'magic: ff544347\ntype: 8018\n', 'a printed TPM structure', 'binary'],
  ['snpguest display', 'Attestation Report:\nVersion: 3\n', 'printed for people', 'binary'],
  ['nitro-cli describe-eif', '{"Measurements":{"PCR0":"ab"}}', 'measurements of an enclave image', 'policy'],
  ['nitro-cli describe-enclaves', '[{"EnclaveName":"a","EnclaveCID":16}]', 'running enclaves', 'attestation document'],
  ['an error answer', '{"error":{"code":"NotFound"}}', 'an error', 'again'],
  ['an error page', '<!DOCTYPE html><html></html>', 'an HTML page', 'address'],
  ['Intel collateral', '{"tcb_info":"{}","qe_identity":"{}"}', 'Intel collateral', '--collateral'],
  ['a bare TCB info', '{"id":"TDX","tcbEvaluationDataNumber":17,"tcb":{}}', 'Intel collateral', '--collateral'],
  ['a key set', '{"keys":[{"kty":"EC"}]}', 'a key set', '--collateral'],
  ['an event log', '[{"imr":0,"digest":"00"}]', 'an event log of dstack', '--collateral'],
  ['a secret', 'apiVersion: v1\nkind: Secret\n', 'a Kubernetes secret', 'decoded'],
  ['a dump with rows left out', '00000000: 0102\n00000020: 0102\n', 'a hex dump', 'xxd'],
  ['text format of another message', 'state {\n  name: "x"\n}\n', 'Protocol Buffers', 'raw'],
  ['JSON of no known kind', '{"alpha":1,"beta":2}', 'JSON with the members alpha, beta', 'member'],
  ['broken JSON', '{"quote":"AA', 'JSON that is broken', 'member'],
  ['hex of a key', Buffer.from(key.spki).toString('hex'), 'a public key, in hex or base64', '--root'],
  ['prose', 'Dear reader', 'text that begins "Dear reader"', 'handed it out'],
  ['a cut quote', bytes(4, 0, 2, 0, 0x81, 0, 0, 0, 9), 'like a DCAP quote that is cut short', 'capture'],
  [
    'a cut report',
    concatBytes(bytes(5, 0, 0, 0), new Uint8Array(200).fill(9)),
    'like an SNP report that is cut short',
    'capture',
  ],
  ['noise', bytes(0xab, 0xcd, 0xef, 1), '4 bytes that begin abcdef01', 'handed it out'],
];

test.each(FILES)('%s', async (_, content, what, advice) => {
  const file = typeof content === 'string' ? utf8(content) : Uint8Array.from(content);
  const kind = describeFile(file);
  expect(kind.what).toContain(what);
  expect(kind.advice).toContain(advice);
  const { outcome, error } = await verify(file, { now: FAKE_NOW });
  expect(outcome).toBe('malformed');
  if (error?.code === 'evidence/unrecognised') expect(error.message).toContain(`got ${kind.what}; ${kind.advice}`);
});

test('any bytes have a name, at once', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.string({ maxLength: 600 }).map(utf8)), (file) => {
      const { what, advice } = describeFile(file);
      expect(what.length * advice.length).toBeGreaterThan(0);
    }),
    { numRuns: 3000 },
  );
});

test.each(['\n', ' ', '{', '"keys":[{', 'a: ', '-----BEGIN ', '0000000 ', '<a>', '\t\n'])(
  'naming grows with the length: %j',
  (unit) => {
    const file = utf8(unit.repeat(60_000));
    const start = performance.now();
    describeFile(file);
    expect(performance.now() - start).toBeLessThan(3000);
  },
);
