/** The check of a build's provenance: passes for the build of the receipt only, by a key of the receipt's keyset only. */

import { generateKeyPairSync, sign } from 'node:crypto';
import { provenanceText } from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import {
  keysetDigest,
  PROVENANCE_ALGORITHM,
  parseKeyset,
  type Report,
  signEnvelope,
  type VerifiedReceipt,
} from '@assay/receipt';
import { expect, it } from 'vitest';
import { provenanceChecks } from './build-provenance.ts';

const HASH = `sha256:${'ab'.repeat(32)}` as const;
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
const keyset = parseKeyset({
  ...{ subject: null, not_after: 1, e2ee_public_keys: [], tls_public_keys: [] },
  receipt_signing_keys: [{ key_id: 'provenance-1', algo: PROVENANCE_ALGORITHM, public_key: encodeHex(raw) }],
});
const digest = keysetDigest(keyset);
const signer = { keyId: 'provenance-1', sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) };
const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;
const text = provenanceText({
  manifest: {
    ...{ v: 'assay-build/1', input_hash: HASH, settings_hash: HASH, sources: [{ path: 'A.sol', hash: HASH }], contracts: [] },
    compiler: { name: 'solc', version: '0.8.24', platform: 'emscripten', hash: HASH },
  },
  compiler: { version: '0.8.24', integrity },
  packages: [{ name: '@openzeppelin/contracts', version: '5.0.2', integrity }],
  ...{ keysetDigest: digest, receiptId: 'rcpt_1' },
});
const statement = JSON.parse(text) as { subject: { digest: { sha256: string } }[] };
const built = `sha256:${statement.subject[0]?.digest.sha256}`;
const envelope = utf8(JSON.stringify(signEnvelope(signer, text)));
const report = { keyset, keysetDigest: digest } as unknown as Report;

/** The envelope with one member of the statement changed, signed by the same key. */
function changed(path: string): Uint8Array {
  const copy = JSON.parse(text);
  const names = path.split('.');
  const last = names.pop() as string;
  names.reduce((value, name) => value[name], copy)[last] = 'another';
  return utf8(JSON.stringify(signEnvelope(signer, JSON.stringify(copy))));
}

function receiptOf(build_hash: string, content: Uint8Array | null, signedBy: string = digest): VerifiedReceipt {
  const texts = { input_hash: HASH, settings_hash: HASH, compiler: 'c', compiler_hash: HASH, compiler_integrity: integrity };
  const event = { type: 'contract.built', ...texts, build_hash, contracts: 0, provenance_hash: HASH };
  return {
    receipt: { receipt_id: 'rcpt_1', event_log: [event] },
    keysetDigest: signedBy,
    payloads: [{ name: 'build/provenance.dsse.json', hash: HASH, content }],
  } as unknown as VerifiedReceipt;
}

it.each([
  ['of this build', receiptOf(built, envelope), [report], 'pass', 'signed by provenance-1'],
  ['of another build', receiptOf(HASH, envelope), [report], 'fail', built.slice('sha256:'.length)],
  ['that is none', receiptOf(built, utf8('{}')), [report], 'fail', 'expected'],
  ['that was left out', receiptOf(built, null), [report], 'not-checked', 'not in the file'],
  ['by a keyset that is not there', receiptOf(built, envelope, HASH), [report], 'not-checked', 'report of the keyset'],
])('provenance %s', async (_, receipt, reports, outcome, actual) => {
  const [check] = await provenanceChecks([receipt], reports);
  expect([check?.outcome, check?.actual?.includes(actual)]).toEqual([outcome, true]);
});

it.each([
  '_type',
  'predicateType',
  'subject.0.digest.sha256',
  'predicate.buildDefinition.buildType',
  'predicate.buildDefinition.externalParameters.input_hash',
  'predicate.buildDefinition.externalParameters.settings_hash',
  'predicate.runDetails.builder.id',
  'predicate.runDetails.metadata.invocationId',
])('provenance with another %s fails', async (path) => {
  const [check] = await provenanceChecks([receiptOf(built, changed(path))], [report]);
  expect(check).toMatchObject({ outcome: 'fail', expected: expect.stringContaining(path), actual: 'another' });
});

it('names compiler and packages with the digests of their npm packages, and whose word they are', () => {
  const { predicateType, predicate } = JSON.parse(text);
  expect(predicateType).toBe('https://slsa.dev/provenance/v1');
  const sha512 = '07'.repeat(64);
  expect(predicate.buildDefinition.resolvedDependencies).toEqual([
    { uri: 'pkg:npm/solc@0.8.24', digest: { sha512 }, annotations: { soljson: HASH, word: 'agent' } },
    { name: 'A.sol', digest: { sha256: 'ab'.repeat(32) } },
    { uri: 'pkg:npm/%40openzeppelin/contracts@5.0.2', digest: { sha512 }, annotations: { word: 'client' } },
  ]);
  expect(predicate.runDetails.builder.id).toBe(`urn:assay:keyset:${digest}`);
});

it.each<[string, object, readonly string[]]>([
  ['without its input', { input_hash: null }, ['not-checked']],
  ['with a number for its provenance', { provenance_hash: 7 }, ['not-checked']],
  ['without provenance', { provenance_hash: null }, []],
])('the event of a build %s', async (_, change, outcomes) => {
  const good = receiptOf(built, envelope);
  const [event] = good.receipt.event_log;
  const receipt = { ...good, receipt: { ...good.receipt, event_log: [{ ...event, ...change }] } } as unknown as VerifiedReceipt;
  expect((await provenanceChecks([receipt], [report])).map(({ outcome }) => outcome)).toEqual(outcomes);
});

it('a fault of the program is not taken for provenance that is none', async () => {
  const fault = new TypeError('a reader broke');
  const broken = {
    keysetDigest: digest,
    get keyset(): never {
      throw fault;
    },
  } as unknown as Report;
  await expect(provenanceChecks([receiptOf(built, envelope)], [broken])).rejects.toBe(fault);
});
