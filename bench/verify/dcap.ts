/**
 * SGX and TDX quotes: warm reuses parsed collateral and what was remembered of the platform; cold does ten signature checks; a new
 * platform on known collateral costs three.
 */

import { collectEndorsements, type TeeVerifier } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import type { DcapCollateral } from '@assay/testing';
import { parseCrl } from '../../packages/attestation/src/certificates/crl.ts';
import type { VerifySignatureInput } from '../../packages/attestation/src/certificates/signature.ts';
import { VerificationCache } from '../../packages/attestation/src/certificates/verification-cache.ts';
import { parseCertificate } from '../../packages/attestation/src/certificates/x509.ts';
import { parseQuote } from '../../packages/attestation/src/evidence/dcap/quote.ts';
import { sgxVerifier } from '../../packages/attestation/src/verifier/dcap/sgx.ts';
import { tdxVerifier } from '../../packages/attestation/src/verifier/dcap/tdx.ts';
import { type BenchCase, readGenuine } from './bench-case.ts';

const GENUINE = [
  {
    name: 'TDX v4',
    kind: 'tdx',
    verifier: tdxVerifier as TeeVerifier<never>,
    quote: 'tdx/v4-90c06f000000-openpcc-e560b5c9.quote',
    other: 'tdx/v4-90c06f000000-dstack-cbdb5b2f.quote',
    collateral: 'tdx/collateral/tdx-90c06f000000-eval18-2026-03-16-plat.collateral.json',
    at: '2026-03-17T22:34:05Z',
  },
  {
    name: 'SGX v3',
    kind: 'sgx',
    verifier: sgxVerifier as TeeVerifier<never>,
    quote: 'sgx/v3-00606a000000-pallets-2008020f.quote',
    other: 'sgx/v3-00606a000000-teepot-b7ab1cb4.quote',
    collateral: 'sgx/collateral/sgx-00606a000000-eval21-2026-06-05-plat-2.collateral.json',
    at: '2026-06-06T18:27:03Z',
  },
] as const;

/** Every signature a cold verification has to check. */
function checksOf(file: Uint8Array, collateral: DcapCollateral): readonly VerifySignatureInput[] {
  const quote = parseQuote(file);
  const text = (name: string): string => collateral[name] ?? '';
  const chain = (pem: string) => decodePem(pem).map(({ der }) => parseCertificate(der));
  const [leaf, ca, root] = chain(new TextDecoder().decode(quote.certification.data));
  const [signer] = chain(text('tcb_info_issuer_chain'));
  if (!leaf || !ca || !root || !signer) throw new Error('expected whole chains');
  const hex = (name: string): Uint8Array => new Uint8Array(Buffer.from(text(name), 'hex'));
  const [rootCrl, pckCrl] = [parseCrl(hex('root_ca_crl')), parseCrl(hex('pck_crl'))];
  const attestationKey = Buffer.concat([leaf.spki.subarray(0, leaf.spki.length - 64), quote.attestationKey]);
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
  const signed = (of: { readonly tbs: Uint8Array; readonly signature: Uint8Array }, spki: Uint8Array) =>
    ({ spki, algorithm, signature: of.signature, message: of.tbs, signatureForm: 'der' }) as const;
  const raw = (spki: Uint8Array, signature: Uint8Array, message: Uint8Array) =>
    ({ spki, algorithm, signature, message, signatureForm: 'raw' }) as const;
  const bytes = (name: string): Uint8Array => new TextEncoder().encode(text(name));
  return [
    raw(new Uint8Array(attestationKey), quote.signature, quote.signed),
    raw(leaf.spki, quote.qeReportSignature, quote.qeReport.raw),
    signed(leaf, ca.spki),
    signed(ca, root.spki),
    signed(root, root.spki),
    signed(signer, root.spki),
    raw(signer.spki, hex('tcb_info_signature'), bytes('tcb_info')),
    raw(signer.spki, hex('qe_identity_signature'), bytes('qe_identity')),
    signed(rootCrl, root.spki),
    signed(pckCrl, ca.spki),
  ];
}

export function dcapCases(): readonly BenchCase[] {
  return GENUINE.map(({ name, kind, verifier, quote: quotePath, other: otherPath, collateral: collateralPath, at }) => {
    const evidence = readGenuine(quotePath);
    const file = readGenuine(collateralPath);
    const collateral = JSON.parse(new TextDecoder().decode(file)) as DcapCollateral;
    const now = Date.parse(at);
    const endorsements = collectEndorsements([{ name: null, bytes: file }]);
    const parse = () => verifier.recognise(evidence) as never;
    const verify = (options: Parameters<typeof verifier.verify>[1]) => verifier.verify(parse(), options);
    const cold = (pieces: typeof endorsements) => verify({ now, endorsements: pieces, cache: new VerificationCache() });
    const cache = new VerificationCache();
    const other = readGenuine(otherPath);
    return {
      name,
      question: { kind, evidence, at: now, collateral },
      parse,
      warm: () => verify({ now, endorsements, cache }),
      cold: () => cold(endorsements),
      coldFile: () => cold(collectEndorsements([{ name: null, bytes: file }])),
      newPlatform: {
        async prepare() {
          const known = new VerificationCache();
          await verify({ now, endorsements, cache: known });
          return known;
        },
        verify: (known) => verifier.verify(verifier.recognise(other) as never, { now, endorsements, cache: known }),
      },
      checks: checksOf(evidence, collateral),
    };
  });
}
