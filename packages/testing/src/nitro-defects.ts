/**
 * The Nitro conformance table: one defect each, with the code Assay refuses it with. Everything is signed by a sound chain unless the
 * signature is the defect, so that a verifier which accepts one of these has the fault its name says.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { type CborValue, encodeCbor } from '@assay/encoding/cbor';
import { encodeCoseSign1, parseCoseSign1, sigStructure } from '@assay/encoding/cose';
import { FAKE_NOW, type FakeChainOptions, fakeCertificate, fakeChain, fakeKey } from '@assay/simulator';
import { type FakeNitro, type FakeNitroOptions, fakeNitroDocument } from './fake-nitro.ts';
import type { NitroQuestion } from './question.ts';

/** Name of the defect, error code, and the document that has it. */
export type NitroDefect = readonly [string, string, () => Promise<FakeNitro>];

/** A fake document as a question. */
export function nitroQuestion({ document, chain }: FakeNitro): NitroQuestion {
  return { kind: 'nitro', evidence: document, at: FAKE_NOW, root: chain.root.der };
}

/** A document whose payload is written by the caller and signed by the leaf. */
export async function nitroDocumentWith(rewrite: (payload: Uint8Array) => Uint8Array): Promise<FakeNitro> {
  const fake = await fakeNitroDocument();
  const { protectedBytes, payload: sound } = parseCoseSign1(fake.document);
  const payload = rewrite(sound);
  const signature = await fake.chain.leaf.key.signRaw(sigStructure({ protectedBytes, payload }));
  return { ...fake, document: encodeCoseSign1({ protectedBytes, payload, signature }) };
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);
const pcrs = (...entries: readonly [CborValue, CborValue][]): { pcrs: CborValue } => ({ pcrs: new Map(entries) });

const malformed = (name: string, fields: NonNullable<FakeNitroOptions['fields']>): NitroDefect => [
  name,
  'nitro/malformed',
  () => fakeNitroDocument({ fields }),
];
const header = (name: string, label: ReadonlyMap<CborValue, CborValue>): NitroDefect => [
  `a protected header with ${name}`,
  'nitro/algorithm-not-es384',
  () => fakeNitroDocument({ protectedBytes: encodeCbor(new Map(label)) }),
];
const changed = (name: string, change: (document: Uint8Array) => Uint8Array): NitroDefect => [
  name,
  'nitro/malformed',
  async () => {
    const fake = await fakeNitroDocument();
    return { ...fake, document: change(fake.document) };
  },
];
const chained = (name: string, code: string, options: FakeChainOptions): NitroDefect => [
  name,
  code,
  async () => fakeNitroDocument({ chain: await fakeChain(options) }),
];

export const NITRO_DEFECTS: readonly NitroDefect[] = [
  malformed('no module id', { module_id: undefined }),
  malformed('an empty module id', { module_id: '' }),
  malformed('a module id of bytes', { module_id: bytes(3) }),
  ['digest SHA512', 'nitro/digest-unsupported', () => fakeNitroDocument({ fields: { digest: 'SHA512' } })],
  malformed('no digest', { digest: undefined }),
  malformed('timestamp 0', { timestamp: 0 }),
  malformed('a fractional timestamp', { timestamp: 1.5 }),
  malformed('a timestamp beyond 2^53', { timestamp: 1n << 60n }),
  malformed('no pcrs', { pcrs: new Map() }),
  malformed('pcrs as an array', { pcrs: [bytes(48)] }),
  malformed('pcr 32', pcrs([32, bytes(48)])),
  malformed('pcr -1', pcrs([-1, bytes(48)])),
  malformed('a text pcr index', pcrs(['0', bytes(48)])),
  malformed('a pcr of 47 bytes', pcrs([0, bytes(47)])),
  malformed('a pcr of text', pcrs([0, 'x'.repeat(48)])),
  malformed('33 pcrs', pcrs(...Array.from({ length: 33 }, (_, index): [number, Uint8Array] => [index, bytes(48)]))),
  malformed('no certificate', { certificate: undefined }),
  malformed('an empty certificate', { certificate: bytes(0) }),
  malformed('a certificate of 1025 bytes', { certificate: bytes(1025) }),
  malformed('no cabundle', { cabundle: undefined }),
  malformed('an empty cabundle', { cabundle: [] }),
  malformed('a cabundle of text', { cabundle: ['x'] }),
  malformed('a cabundle of ten', { cabundle: Array.from({ length: 10 }, () => bytes(10)) }),
  malformed('an empty public key', { public_key: bytes(0) }),
  malformed('a public key of 1025 bytes', { public_key: bytes(1025) }),
  malformed('user data of 1025 bytes', { user_data: bytes(1025) }),
  malformed('a nonce of 1025 bytes', { nonce: bytes(1025) }),
  malformed('a nonce of text', { nonce: 'x' }),
  ['an unprotected header', 'nitro/malformed', () => fakeNitroDocument({ unprotected: new Map([[4, bytes(1)]]) })],
  changed('a byte behind', (document) => concatBytes(document, bytes(1, 0))),
  changed('a byte missing', (document) => document.subarray(0, -1)),
  changed('32 KiB', (document) => concatBytes(document, bytes(40_000, 0))),
  [
    'a payload key that stands twice',
    'nitro/malformed',
    () =>
      nitroDocumentWith((payload) =>
        concatBytes(Uint8Array.of((payload[0] ?? 0) + 1), payload.subarray(1), encodeCbor('nonce'), encodeCbor(bytes(32))),
      ),
  ],
  header('ES256', new Map([[1, -7]])),
  header('ES512', new Map([[1, -36]])),
  header('no algorithm', new Map([[4, 1]])),
  header(
    'a critical label besides',
    new Map<CborValue, CborValue>([
      [1, -35],
      [2, [4]],
    ]),
  ),
  header('an algorithm by name', new Map([[1, 'ES384']])),
  [
    'a leaf key of another curve',
    'nitro/algorithm-not-es384',
    async () => fakeNitroDocument({ chain: await fakeChain({ leaf: { key: await fakeKey('P-256') } }) }),
  ],
  [
    'a signature by another key',
    'nitro/signature-invalid',
    async () => fakeNitroDocument({ signer: await fakeKey('P-384', 'stranger') }),
  ],
  [
    'a signature by the issuer of the leaf',
    'nitro/signature-invalid',
    async () => fakeNitroDocument({ signer: await fakeKey('P-384', 'intermediate') }),
  ],
  [
    'a root that only the document vouches for',
    'certificate/root-not-trusted',
    async () => {
      const chain = await fakeChain({ root: { key: await fakeKey('P-384', 'self-made root') } });
      const trusted = await fakeChain();
      return { ...(await fakeNitroDocument({ chain })), chain: trusted, anchor: trusted.anchor };
    },
  ],
  [
    'a cabundle in leaf-first order',
    'certificate/chain-broken',
    async () => {
      const chain = await fakeChain();
      return fakeNitroDocument({ chain, fields: { cabundle: [chain.intermediate.der, chain.root.der] } });
    },
  ],
  chained('an expired leaf', 'certificate/expired', { leaf: { notAfter: FAKE_NOW - 1000 } }),
  chained('a leaf of tomorrow', 'certificate/not-yet-valid', { leaf: { notBefore: FAKE_NOW + 1000 } }),
  chained('an expired intermediate', 'certificate/expired', { intermediate: { notAfter: FAKE_NOW - 1000 } }),
  chained('a leaf with a bad signature', 'certificate/signature-invalid', { leaf: { breakSignature: true } }),
  chained('an intermediate that is no ca', 'certificate/not-a-ca', { intermediate: { version: 1 } }),
  [
    'a leaf that issued another leaf',
    'certificate/not-a-ca',
    async () => {
      const chain = await fakeChain();
      const extra = await fakeCertificate({ name: 'leaf of leaf', key: await fakeKey('P-384', 'extra'), issuer: chain.leaf });
      const fields = { certificate: extra.der, cabundle: [chain.root.der, chain.intermediate.der, chain.leaf.der] };
      return fakeNitroDocument({ chain, fields, signer: extra.key });
    },
  ],
];
