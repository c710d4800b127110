/**
 * The DCAP conformance table against npm `@phala/dcap-qvl` 0.3.9: every entry has one defect, so whatever accepts it is wrong.
 * docs/peers.md lists the wrong verdicts; this test holds that list to what is true.
 */

import { readFileSync } from 'node:fs';
import { encodePem } from '@assay/encoding/pem';
import {
  DCAP_COLLATERAL_DEFECTS,
  DCAP_QUOTE_DEFECTS,
  defectOptions,
  type FakeDcap,
  type FakeDcapOptions,
  fakeDcap,
} from '@assay/testing';
import { QuoteVerifier } from '@phala/dcap-qvl';
import { describe, expect, test } from 'vitest';

/** What the peer wrongly accepts, by defect: faults that let something untrue through. */
const FAULTS: readonly string[] = [
  'foreign QE vendor id',
  'TDX module of another signer',
  'TDX module with SEAMATTRIBUTES',
  'TDX module version nobody lists',
  'first-generation TDX module of another signer',
  'TDX module revoked',
  'no CRLs',
  'no root CRL',
  'no PCK CRL',
  'root CRL under another key',
  'PCK CRL under another key',
  'root CRL expired',
  'PCK CRL expired',
  'PCK CRL from tomorrow',
  'PCK CRL that is none',
  'signing certificate of another name',
  'TCB info of another PCE',
  'fifteen SGX components in a TCB level',
  'fifteen TDX components in a TCB level',
];
/** Accepted where Intel's formats or library say no, without a known way to gain from it. */
const LENIENT: readonly string[] = [
  'chain without its root',
  'chain with a certificate too many',
  'QE report with more in its report data',
  'the same TCB level twice',
];
const WRONGLY_ACCEPTED: ReadonlySet<string> = new Set([...FAULTS, ...LENIENT]);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** dcap-qvl's collateral object. Pieces that are missing become empty, as when a fetch failed. */
function collateralOf({ endorsements }: FakeDcap): Readonly<Record<string, string>> {
  const documents = new Map(endorsements.flatMap((piece) => ('body' in piece ? [[piece.kind, piece] as const] : [])));
  const crls = endorsements.flatMap((piece) => (piece.kind === 'crl' ? [hex(piece.der)] : []));
  const chain = (ders: readonly Uint8Array[] = []): string => ders.map((der) => encodePem('CERTIFICATE', der)).join('');
  const text = (body: Uint8Array = new Uint8Array()): string => new TextDecoder().decode(body);
  const [info, identity] = [documents.get('tcb-info'), documents.get('enclave-identity')];
  return {
    pck_crl_issuer_chain: '',
    root_ca_crl: crls[0] ?? '',
    pck_crl: crls[1] ?? '',
    tcb_info_issuer_chain: chain(info?.issuerChain),
    tcb_info: text(info?.body),
    tcb_info_signature: hex(info?.signature ?? new Uint8Array()),
    qe_identity_issuer_chain: chain(identity?.issuerChain),
    qe_identity: text(identity?.body),
    qe_identity_signature: hex(identity?.signature ?? new Uint8Array()),
  };
}

async function peerVerdict(options: FakeDcapOptions): Promise<string> {
  const fake = await fakeDcap(options);
  try {
    const verifier = QuoteVerifier.newWithRootCa(Buffer.from(fake.root.der));
    return verifier.verify(Buffer.from(fake.quote), collateralOf(fake) as never, Math.floor(fake.now / 1000)).status;
  } catch (error) {
    return `ERR ${(error as Error).message}`;
  }
}

test('docs/peers.md lists every wrong verdict', () => {
  const page = readFileSync(new URL('../../docs/peers.md', import.meta.url), 'utf8');
  expect([...WRONGLY_ACCEPTED].filter((name) => !page.includes(`| ${name} `))).toEqual([]);
});

describe('dcap-qvl-js on the conformance table', () => {
  test.each<[string, FakeDcapOptions]>([
    ['SGX, version 3', { tee: 'sgx' }],
    ['TDX 1.0, version 4', {}],
    ['TDX 1.5, version 5', { version: 5, tdReport: '1.5' }],
  ])('accepts a sound quote: %s', async (_, options) => {
    expect(await peerVerdict(options)).toBe('UpToDate');
  });

  test.each([...DCAP_QUOTE_DEFECTS, ...DCAP_COLLATERAL_DEFECTS].map((defect) => [defect[0], defect] as const))(
    '%s',
    async (name, defect) => {
      const verdict = await peerVerdict(await defectOptions(defect));
      expect(verdict.startsWith('ERR') ? 'refused' : 'accepted', verdict).toBe(
        WRONGLY_ACCEPTED.has(name) ? 'accepted' : 'refused',
      );
    },
  );
});
