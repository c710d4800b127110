/** Companions as tools print, save and wrap them are the same companions. */

import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodePem } from '@assay/encoding/pem';
import { fakeCertificateTable, fakeChain, fakeCrl, fakeSnp } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { collectEndorsements } from './endorsement-files.ts';

const { leaf, intermediate } = await fakeChain();
const crl = await fakeCrl({ issuer: intermediate });
const pem = [leaf, intermediate].map(({ der }) => encodePem('CERTIFICATE', der)).join('');
const certificates = [leaf, intermediate].map(({ der }) => ({ kind: 'certificate', der }));
const kinds = (content: string | Uint8Array): readonly string[] => collect(content).map(({ kind }) => kind);
const collect = (content: string | Uint8Array) =>
  collectEndorsements([{ name: 'x', bytes: typeof content === 'string' ? utf8(content) : Uint8Array.from(content) }]);
const dump = (bytes: Uint8Array): string =>
  Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) => {
    const part = Buffer.from(bytes.subarray(16 * row, 16 * row + 16))
      .toString('hex')
      .match(/../g)
      ?.join(' ');
    return `${(16 * row).toString(16).padStart(8, '0')}  ${part}`;
  }).join('\n');

const FORMS: readonly (readonly [string, string | Uint8Array])[] = [
  ['PEM', pem],
  ['PEM with CR and LF', pem.replaceAll('\n', '\r\n')],
  ['UTF-16', Buffer.from(`\ufeff${pem}`, 'utf16le')],
  ['a byte order mark', `\ufeff${pem}`],
  ['a JSON string', JSON.stringify(pem)],
  ['a string with its line ends escaped', `"${pem.replaceAll('\n', '\\n')}"`],
  ['a Markdown fence', `Chain:\n\n\`\`\`pem\n${pem}\`\`\`\n`],
  ['a data URL', `data:application/x-pem-file;base64,${encodeBase64(utf8(pem))}`],
  ['a dump of DER', `${dump(concatBytes(leaf.der, intermediate.der))}\n`],
  [
    'a Kubernetes secret',
    `apiVersion: v1\nkind: Secret\nmetadata:\n  name: chain\ndata:\n  chain.pem: ${encodeBase64(utf8(pem))}\n`,
  ],
  ['a Kubernetes secret as JSON', JSON.stringify({ kind: 'Secret', data: { 'chain.pem': encodeBase64(utf8(pem)) } })],
  ['a Kubernetes config map', JSON.stringify({ kind: 'ConfigMap', data: { 'chain.pem': pem } })],
  [
    'saved headers (curl -D)',
    `HTTP/1.1 200 OK\r\nSGX-TCB-Info-Issuer-Chain: ${encodeURIComponent(pem)}\r\nContent-Length: 2\r\n\r\n`,
  ],
  ['saved headers without the empty line', `HTTP/2 200\r\nsgx-enclave-identity-issuer-chain: ${encodeURIComponent(pem)}\r\n`],
  ['one header line', `SGX-PCK-CRL-Issuer-Chain: ${encodeURIComponent(pem)}`],
  [
    'headers of curl -v, with another percent sign',
    `< HTTP/1.1 200 OK\n< x-load: 97%\n< TCB-Info-Issuer-Chain: ${encodeURIComponent(pem)}\n`,
  ],
  [
    'an answer with its heads, behind a redirect (curl -iL)',
    `HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n${pem}`,
  ],
];

test.each(FORMS)('certificates as %s', (_, content) => {
  expect(collect(content).filter(({ kind }) => kind !== 'bytes')).toEqual(certificates);
});

test('an answer with its heads gives the document with its chain (curl -i)', () => {
  const body = `{"tcbInfo":{"id":"TDX"},"signature":"${'ab'.repeat(64)}"}`;
  const saved = `HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: ${encodeURIComponent(pem)}\r\n\r\n${body}`;
  const [info] = collect(saved).filter(({ kind }) => kind === 'tcb-info');
  expect(info).toMatchObject({ issuerChain: certificates.map(({ der }) => der) });
});

test('the table that a host hands out beside a report (auxblob)', async () => {
  const { key, intermediate: ask, root } = await fakeSnp();
  const table = fakeCertificateTable([
    ['63da758de6644564adc5f4b93be8accd', key],
    ['4ab7b379bbac4fe4a02f05aef327c782', ask.der],
    ['c0b406a4a803495297433fb6014cd0ae', root.der],
  ]);
  expect(collect(table).map((each) => ('der' in each ? each.der : null))).toEqual([key, ask.der, root.der]);
});

describe('lists', () => {
  test.each([
    ['hex in a fence', `\`\`\`\n${Buffer.from(crl).toString('hex')}\n\`\`\``],
    ['base64 in quotes', `"${encodeBase64(crl)}"`],
    ['a C array', `static const uint8_t crl[] = { ${[...crl].join(', ')} };`],
  ])('as %s', (_, content) => expect(kinds(content)).toEqual(['crl']));
});

test.each(['words', '{"a":1}', '<a/>', '```\nwords\n```', '00000000: zz'])('%j is kept as it came', (content) => {
  expect(collect(content)).toHaveLength(1);
  expect(['bytes', 'json']).toContain(kinds(content)[0]);
});
