/** Companion files are told apart by content, in every carrier, whatever they are called. */

import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endorsementFiles, packCollateral } from './collateral-pack.ts';
import { collectEndorsements, joinEndorsements, piecesOf } from './endorsement-files.ts';

const sequence = (...parts: Uint8Array[]): Uint8Array => encodeDer(0x30, ...parts);
const time = encodeDer(0x17, utf8('260101000000Z'));
const bits = encodeDer(0x03, Uint8Array.of(0, 1, 2, 3));
const certificate = sequence(
  sequence(encodeDer(0x02, Uint8Array.of(1)), sequence(), sequence(), sequence(time, time)),
  sequence(),
  bits,
);
const crl = sequence(sequence(encodeDer(0x02, Uint8Array.of(1)), sequence(), sequence(), time), sequence(), bits);
const ocsp = sequence(encodeDer(0x0a, Uint8Array.of(0)));
const pem = encodePem('CERTIFICATE', certificate);

const collect = (bytes: Uint8Array | string) =>
  collectEndorsements([{ name: 'x', bytes: typeof bytes === 'string' ? utf8(bytes) : bytes }]);
const kinds = (bytes: Uint8Array | string) => collect(bytes).map(({ kind }) => kind);

const TCB_INFO = '{"id":"TDX","version":3,"fmspc":"b0c06f000000"}';
const QE_IDENTITY = '{"id":"TD_QE","version":2}';
const signature = 'ab'.repeat(64);
const snake = {
  pck_crl_issuer_chain: pem,
  root_ca_crl: encodeHex(crl),
  pck_crl: encodeHex(crl),
  tcb_info_issuer_chain: pem,
  tcb_info: TCB_INFO,
  tcb_info_signature: signature,
  qe_identity_issuer_chain: pem,
  qe_identity: QE_IDENTITY,
  qe_identity_signature: signature,
};
const camel = Object.fromEntries(
  Object.entries(snake).map(([name, value]) => [name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), value]),
);
const collateralKinds = ['tcb-info', 'enclave-identity', 'crl', 'crl', 'certificate', 'json'];

describe('collectEndorsements', () => {
  it.each([
    ['a DER certificate', certificate, ['certificate']],
    ['concatenated DER', concatBytes(certificate, crl), ['certificate', 'crl']],
    ['a PEM chain with text around it', `subject=x\n${pem}\n# next\n${pem}`, ['certificate', 'certificate']],
    [
      'PEM with long lines',
      pem.replace(/\n(?!-)/g, '').replace('-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----\n'),
      ['certificate'],
    ],
    ['a percent-encoded chain', encodeURIComponent(pem + pem), ['certificate', 'certificate']],
    ['base64 of PEM', encodeBase64(utf8(pem)), ['certificate']],
    ['hex of DER', encodeHex(crl), ['crl']],
    ['hex of DER with 0x, upper case and a newline', `0x${encodeHex(crl).toUpperCase()}\n`, ['crl']],
    ['hex of hex', encodeHex(utf8(encodeHex(crl))), ['crl']],
    ['base64 of DER', encodeBase64(crl), ['crl']],
    ['a PEM CRL', encodePem('X509 CRL', crl), ['crl']],
    ['an OCSP response', ocsp, ['ocsp']],
    ['a RIM', '<?xml version="1.0"?><SoftwareIdentity/>', ['rim']],
    ['other XML', '<a/>', ['bytes']],
    [
      'a RIM service answer',
      JSON.stringify({ id: 'NV_GPU', rim: encodeBase64(utf8('<SoftwareIdentity/>')), sha256: '' }),
      ['rim', 'json'],
    ],
    ['a key set', '{"keys":[{"kty":"EC","kid":"1"}]}', ['jwks']],
    ['one key', '{"kty":"OKP"}', ['jwks']],
    ['an event log', '[{"imr":0,"event_type":1,"digest":"00","event":"","event_payload":""}]', ['event-log']],
    ['app-compose', '{"manifest_version":2,"runner":"docker-compose"}', ['app-compose']],
    [
      'dstack tcb_info',
      '{"mrtd":"00","app_compose":"{}","event_log":[{"imr":0,"digest":"00"}]}',
      ['event-log', 'app-compose', 'json'],
    ],
    ['a dstack quote answer', '{"quote":"04","event_log":"[]","vm_config":"{}"}', ['event-log', 'json']],
    ['dcap-qvl collateral', JSON.stringify(snake), collateralKinds],
    ['camel-case collateral', JSON.stringify(camel), collateralKinds],
    ['collateral inside a capture', JSON.stringify({ '90c06f000000': snake }), collateralKinds],
    ['a PCS TCB response', `{"tcbInfo":${TCB_INFO},"signature":"${signature}"}`, ['tcb-info', 'json']],
    ['a PCS identity response', `{"enclaveIdentity":${QE_IDENTITY},"signature":"${signature}"}`, ['enclave-identity', 'json']],
    ['a token', 'eyJhbGciOiJub25lIn0.e30.', ['bytes']],
    ['any JSON', '{"a":1}', ['json']],
    ['broken JSON', '{"a":', ['bytes']],
    ['nothing', '', ['bytes']],
    ['truncated DER', certificate.subarray(0, -1), ['bytes']],
    ['DER with a byte behind it', concatBytes(certificate, Uint8Array.of(0)), ['bytes']],
  ] as const)('recognises %s', (_, bytes, expected) => {
    expect(kinds(bytes).toSorted()).toEqual([...expected].toSorted());
  });

  it('keeps the exact signed bytes of Intel documents, also of pretty-printed and nested ones', () => {
    const pretty = JSON.stringify({ tcbInfo: JSON.parse(TCB_INFO), signature }, null, 2);
    const nested = JSON.stringify({ ...snake, tcb_info: `{"tcbInfo":${TCB_INFO},"signature":"${signature}"}` });
    for (const text of [JSON.stringify(snake), pretty, nested]) {
      const found = collect(text).find(({ kind }) => kind === 'tcb-info');
      expect(found?.kind === 'tcb-info' && new TextDecoder().decode(found.body)).toBe(TCB_INFO);
    }
  });

  it('gives a PCS response the certificates that came beside it', () => {
    const found = collectEndorsements([
      { name: 'tcb', bytes: utf8(`{"tcbInfo":${TCB_INFO},"signature":"${signature}"}`) },
      { name: 'chain', bytes: utf8(pem) },
    ]);
    expect(found.find(({ kind }) => kind === 'tcb-info')).toMatchObject({ issuerChain: [certificate] });
  });

  const response = `{"tcbInfo":${TCB_INFO},"signature":"${signature}"}`;
  const answer = `HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: ${encodeURIComponent(pem)}\r\nVary: x\r\n\r\n${response}`;
  const exchange = { headers: { 'Tcb-Info-Issuer-Chain': [encodeURIComponent(pem)] }, url: 'https://pcs.example/tcb' };
  const asNumbers = {
    raw_tcb_info: TCB_INFO,
    signature: Array.from({ length: 64 }, () => 0xab),
    ca_chain: [pem],
  };
  it.each<[string, readonly (string | Uint8Array)[]]>([
    ['headers and body in one file', [answer]],
    ['the headers of a captured exchange', [JSON.stringify(exchange), response]],
    ['headers alone, as they came', [`TCB-Info-Issuer-Chain: ${encodeURIComponent(pem)}`, response]],
    ['numbers in place of hex', [JSON.stringify(asNumbers)]],
  ])('finds the issuer chain of a PCS answer in %s', (_, files) => {
    const found = collectEndorsements(
      files.map((file) => ({ name: null, bytes: typeof file === 'string' ? utf8(file) : file })),
    );
    expect(found.find(({ kind }) => kind === 'tcb-info')).toEqual({
      kind: 'tcb-info',
      body: utf8(TCB_INFO),
      signature: new Uint8Array(64).fill(0xab),
      issuerChain: [certificate],
    });
  });

  it('joins pieces that were read before as it joins files', () => {
    const files = [response, pem, encodeHex(crl), 'nothing known'].map((text) => ({ name: null, bytes: utf8(text) }));
    const joined = joinEndorsements(files.map(piecesOf));
    expect(joined).toEqual(collectEndorsements(files));
    expect(joined.find(({ kind }) => kind === 'tcb-info')).toMatchObject({ issuerChain: [certificate] });
    // What was read once for one set is not changed for another.
    const [first = []] = files.map(piecesOf);
    joinEndorsements([first, piecesOf(files[1]!)]);
    expect(first[0]).toMatchObject({ kind: 'tcb-info', issuerChain: [] });
  });

  it('finds a binary body behind headers', () => {
    expect(kinds(concatBytes(utf8('HTTP/1.1 200 OK\nContent-Type: application/pkix-crl\n\n'), crl))).toContain('crl');
  });

  it('finds the same pieces again in a pack, and opens no pack in a pack', () => {
    const found = collect(JSON.stringify(snake));
    const pack = packCollateral(endorsementFiles(found));
    const signed = ({ kind }: { kind: string }) => kind !== 'json';
    const again = collect(pack);
    expect(again.filter((item) => item.kind === 'tcb-info')).toEqual(
      found.filter((item) => item.kind === 'tcb-info').flatMap((item) => [item, item]),
    );
    expect(new Set(again.filter(signed).map(({ kind }) => kind))).toEqual(
      new Set(found.filter(signed).map(({ kind }) => kind)),
    );
    expect(kinds(packCollateral([{ name: null, bytes: pack }]))).toEqual(['json']);
  });

  it('hands on a revocation list that is none instead of losing it', () => {
    const found = collect(JSON.stringify({ ...snake, pck_crl: '3000' }));
    expect(found.filter(({ kind }) => kind === 'crl')).toEqual([
      { kind: 'crl', der: crl },
      { kind: 'crl', der: Uint8Array.of(0x30, 0) },
    ]);
  });

  it('never throws and keeps unknown bytes as they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const found = collectEndorsements([{ name: null, bytes }]);
        expect(found.length).toBeGreaterThan(0);
      }),
    );
    fc.assert(fc.property(fc.json(), (text) => collect(text).length > 0));
  });
});
