/**
 * Every parser that meets bytes of strangers, with genuine inputs to start from. A target returns normally or throws an error with a
 * code and a kind; anything else, or more than a second, is a finding.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { collectEndorsements, companionNotes, describeFile, parsePolicy, recogniseEvidence } from '@assay/attestation';
import { decodeRequest, parseKeyConfigs, ResponseDecoder } from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { decodeCbor } from '@assay/encoding/cbor';
import { readDer } from '@assay/encoding/der';
import { encodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { decodePem } from '@assay/encoding/pem';
import {
  decodeEntryBundle,
  parseBundle,
  parseCheckpoint,
  parseInclusion,
  parseKeyset,
  parseLeafText,
  parseNote,
  parseReceipt,
} from '@assay/receipt';
import { parseNitroCli, snpLaunchDigest } from '@assay/reference-values';
import {
  FAKE_NOW,
  FAKE_SEV_SECTIONS,
  FAKE_TDX_SECTIONS,
  fakeCertificate,
  fakeDcap,
  fakeFirmware,
  fakeKernel,
  fakeKey,
  fakeLog,
  fakeNitroDocument,
  fakeSgxExtension,
  fakeSnp,
  fakeTpmQuote,
  loadManifest,
  tinfoilDocument,
  vectorsDirectory,
} from '@assay/testing';
import { parseEnclaveIdentity } from '../../packages/attestation/src/evidence/dcap/enclave-identity.ts';
import { parsePckExtensions } from '../../packages/attestation/src/evidence/dcap/pck-extensions.ts';
import { parseTcbInfo } from '../../packages/attestation/src/evidence/dcap/tcb-info.ts';
import { parseEif } from '../../packages/reference-values/src/nitro/eif.ts';
import { encodeEif } from '../../packages/reference-values/src/nitro/encode-eif.ts';
import { tdxSections } from '../../packages/reference-values/src/tdx/firmware-sections.ts';
import { kernelDigest } from '../../packages/reference-values/src/tdx/kernel-digest.ts';

export interface Target {
  readonly name: string;
  readonly parse: (bytes: Uint8Array) => unknown;
  readonly seeds: readonly Uint8Array[];
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** All targets; with the real vectors their files are seeds too. */
export async function fuzzTargets(): Promise<readonly Target[]> {
  const nitro = (await fakeNitroDocument({})).document;
  const dcap = await fakeDcap({});
  const bodies = (kind: string) =>
    dcap.endorsements.flatMap((piece) => ('body' in piece && piece.kind === kind ? [piece.body] : []));
  const snp = await fakeSnp({});
  const key = new Uint8Array(32).fill(1);
  const tinfoil = await tinfoilDocument({
    ...{ platform: 'tdx', form: 'sections', tlsKey: key, hpkeKey: key, nonce: key, now: FAKE_NOW, lie: null },
  });
  const printed = await printedForms(nitro, dcap.quote);
  const evidence = [
    nitro,
    dcap.quote,
    snp.report,
    utf8(JSON.stringify(tinfoil.document)),
    ...carriers(nitro, dcap.quote, snp.report),
    ...printed,
    ...realFiles(/^(nitro|tdx|sgx|snp|nvidia|dstack|jwt|combined)\//, 200_000),
  ];
  const companions = realFiles(/collateral|certs|rims|\.der$|\.pem$|jwks/, 200_000);
  const json = [utf8('{"a":[1,2.5e3,"\\u00e9",null,true],"b":{"c":"d"}}'), ...realFiles(/\.json$/, 60_000)];
  const image = encodeEif({
    ...{ architecture: 'x86_64', kernel: utf8('kernel'), cmdline: 'quiet', metadata: '{}' },
    ramdisks: [utf8('init'), utf8('app')],
  });
  const receipts = [utf8(RECEIPT), utf8(CHECKPOINT), utf8(PROOF)];
  return [
    { name: 'recogniseEvidence', parse: (bytes) => recogniseEvidence(bytes), seeds: evidence },
    {
      name: 'collectEndorsements',
      parse: (bytes) => collectEndorsements([{ name: null, bytes }]),
      seeds: [...companions, ...evidence.slice(0, 3)],
    },
    { name: 'describeFile', parse: (bytes) => describeFile(bytes), seeds: [...printed, ...companions.slice(0, 8)] },
    {
      name: 'companionNotes',
      parse: (bytes) => companionNotes([{ name: 'x', bytes }]),
      seeds: [...printed, ...companions.slice(0, 8)],
    },
    { name: 'parseTcbInfo', parse: parseTcbInfo, seeds: bodies('tcb-info') },
    { name: 'parseEnclaveIdentity', parse: parseEnclaveIdentity, seeds: bodies('enclave-identity') },
    { name: 'parsePckExtensions', parse: parsePckExtensions, seeds: [fakeSgxExtension()] },
    { name: 'decodeCbor', parse: (bytes) => decodeCbor(bytes), seeds: evidence.slice(0, 12) },
    {
      name: 'readDer',
      parse: (bytes) => readDer(bytes),
      seeds: realFiles(/\.der$/, 50_000).concat(utf8('0\u0003\u0002\u0001\u0005')),
    },
    { name: 'parseJson', parse: (bytes) => parseJson(bytes), seeds: json },
    {
      name: 'parsePolicy',
      parse: (bytes) => parsePolicy(bytes),
      seeds: [utf8('{"version":1,"debug":"refuse","tcb":{"statuses":["UpToDate"]},"nonce":"required"}')],
    },
    {
      name: 'decodePem',
      parse: (bytes) => decodePem(text(bytes)),
      seeds: [utf8('-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n')],
    },
    {
      name: 'parseBundle',
      parse: (bytes) => parseBundle(bytes),
      seeds: [...receipts, fakeLog({ receipts: 2, rotateAfter: 1 }).bytes],
    },
    { name: 'parseReceipt', parse: (bytes) => parseReceipt(parseJson(bytes)), seeds: receipts },
    { name: 'parseKeyset', parse: (bytes) => parseKeyset(parseJson(bytes)), seeds: [utf8(KEYSET)] },
    { name: 'parseNote', parse: (bytes) => parseNote(text(bytes)), seeds: [utf8(CHECKPOINT)] },
    { name: 'parseEif', parse: (bytes) => parseEif(withChecksum(bytes)), seeds: [image] },
    {
      name: 'snpLaunchDigest',
      parse: (bytes) => snpLaunchDigest(bytes, { processors: 2, cpuType: 'EPYC' }),
      seeds: [fakeFirmware({ pages: 2, sev: FAKE_SEV_SECTIONS })],
    },
    {
      name: 'tdxSections',
      parse: (bytes) => tdxSections(bytes),
      seeds: [fakeFirmware({ pages: 2, tdx: FAKE_TDX_SECTIONS.slice(2) })],
    },
    {
      name: 'kernelDigest',
      parse: (kernel) => kernelDigest({ kernel, initrdBytes: 5000, memory: 2 ** 31 }),
      seeds: [fakeKernel()],
    },
    { name: 'parseNitroCli', parse: (bytes) => parseNitroCli(text(bytes)), seeds: [utf8(NITRO_CLI)] },
    { name: 'parseCheckpoint', parse: (bytes) => parseCheckpoint(text(bytes)), seeds: [utf8(CHECKPOINT)] },
    { name: 'parseInclusion', parse: (bytes) => parseInclusion(text(bytes)), seeds: [utf8(PROOF)] },
    { name: 'parseLeafText', parse: (bytes) => parseLeafText(text(bytes)), seeds: receipts },
    { name: 'decodeEntryBundle', parse: (bytes) => decodeEntryBundle(bytes), seeds: [Uint8Array.of(0, 2, 65, 66, 0, 1, 67)] },
    {
      name: 'decodeRequest',
      parse: (bytes) => decodeRequest(bytes),
      seeds: [utf8('\0\u0004POST\u0005https\u0001a\u0002/x\0\0\0')],
    },
    { name: 'parseKeyConfigs', parse: (bytes) => parseKeyConfigs(bytes), seeds: [new Uint8Array(43)] },
    {
      name: 'ResponseDecoder',
      parse: (bytes) => new ResponseDecoder().push(bytes),
      seeds: [Uint8Array.of(3, 0x40, 200, 1, 97, 1, 98, 0, 2, 99, 100, 0, 0)],
    },
  ];
}

/** An image whose checksum fits, so that the parts behind it are read. */
function withChecksum(file: Uint8Array): Uint8Array {
  if (file.length < 548) return file;
  const copy = Uint8Array.from(file);
  new DataView(copy.buffer).setUint32(544, crc32(copy.subarray(548), crc32(copy.subarray(0, 544))));
  return copy;
}

const NITRO_CLI = `{"Measurements":{"HashAlgorithm":"Sha384 { ... }","PCR0":"${'0a'.repeat(48)}","PCR1":"${'0b'.repeat(48)}","PCR2":"${'0c'.repeat(48)}"}}`;

/** Evidence and its companions as tools print, dump and wrap them. */
async function printedForms(nitro: Uint8Array, quote: Uint8Array): Promise<readonly Uint8Array[]> {
  const pairs = encodeHex(nitro).match(/../g) ?? [];
  const rows = Array.from(
    { length: 8 },
    (_, row) => `${encodeHex(Uint8Array.of(0, 0, 0, row * 16))}: ${pairs.slice(row * 16, row * 16 + 16).join(' ')}`,
  );
  const key = await fakeKey('P-256', 'fuzz');
  const { der } = await fakeCertificate({
    name: 'RATLS',
    key,
    extensions: [{ oid: '1.2.840.113741.1337.6', critical: false, value: quote }],
  });
  const { document } = await fakeTpmQuote();
  const texts = [
    ...[
      rows.join('\n'),
      `unsigned char x[] = { ${pairs.map((pair) => `0x${pair}`).join(', ')} };`,
      `b'\\x${pairs.join('\\x')}'`,
    ],
    ...[`Text\n\n\`\`\`\n${encodeBase64(nitro)}\n\`\`\`\n`, `HTTP/1.1 200 OK\r\nA: b\r\n\r\n${encodeBase64(nitro)}`],
    ...['header {\n  version: 4\n  tee_type: 129\n  user_data: "\\000\\001"\n}\ntd_quote_body { rtmrs: ["\\x01", "a"] }\n'],
    ...[
      'apiVersion: v1\nkind: Secret\ndata:\n  a: AAAAAAAAAAAAAAAAAAAAAAAA\n',
      'sha256:\n  0 : 0xABCD\n',
      JSON.stringify(document),
    ],
    ...['{"evidences":[{"arch":"HOPPER","certificate":"","evidence":""}],"result_code":0}'],
  ];
  const message = Uint8Array.from(Buffer.from(document.message, 'base64'));
  const signature = Uint8Array.from(Buffer.from(document.signature, 'hex'));
  return [...texts.map((content) => utf8(content)), der, message, signature];
}

/** Evidence in the texts and JSON that attestation APIs hand out. */
function carriers(nitro: Uint8Array, quote: Uint8Array, report: Uint8Array): readonly Uint8Array[] {
  return [
    { attestation_document: encodeBase64(nitro) },
    { platform: 'tdx', evidence: { quote: encodeHex(quote), event_log: '[]' } },
    { tee: 'snp', evidence: encodeBase64(utf8(JSON.stringify({ attestation_report: [...report], cert_chain: [] }))) },
    [{ intel_quote: `0x${encodeHex(quote)}` }],
  ].map((carrier) => utf8(JSON.stringify(carrier)));
}

function realFiles(wanted: RegExp, mostBytes: number): readonly Uint8Array[] {
  const directory = vectorsDirectory();
  const files = loadManifest()?.files ?? [];
  if (directory === null) return [];
  return files
    .filter(({ path }) => wanted.test(path))
    .map(({ path }) => new Uint8Array(readFileSync(join(directory, path))))
    .filter(({ length }) => length <= mostBytes);
}

const HASH = `sha256:${'ab'.repeat(32)}`;
const RECEIPT = `{"api_version":"aci/1","chat_id":null,"endpoint":"/api/process","event_log":[{"body_hash":"${HASH}","type":"request.received"}],"key_id":"receipt-1f0c5a3e9b7d2460","method":"POST","model":null,"receipt_id":"rcpt_${'0'.repeat(32)}","served_at":1795219200,"signature":"${'cd'.repeat(64)}","workload_keyset_digest":"${HASH}"}`;
const KEYSET = `{"e2ee_public_keys":[],"not_after":1800000000,"receipt_signing_keys":[{"algo":"ed25519","key_id":"receipt-1","public_key":"${'ef'.repeat(32)}"}],"subject":null,"tls_public_keys":[]}`;
const CHECKPOINT = `log.assay/1\n5\n${'A'.repeat(43)}=\n\n— log.assay/1 ${'B'.repeat(91)}=\n`;
const PROOF = `c2sp.org/tlog-proof@v1\nindex 4\n${'A'.repeat(43)}=\n\n${CHECKPOINT}`;
