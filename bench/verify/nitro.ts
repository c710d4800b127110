/** Nitro documents: warm remembers the certificates that were seen before; cold checks every P-384 signature of the chain. */

import { AWS_NITRO_ROOTS, parseNitroDocument, verifyNitroDocument } from '@assay/attestation';
import { sigStructure } from '@assay/encoding/cose';
import type { VerifySignatureInput } from '../../packages/attestation/src/certificates/signature.ts';
import { VerificationCache } from '../../packages/attestation/src/certificates/verification-cache.ts';
import { parseCertificate } from '../../packages/attestation/src/certificates/x509.ts';
import { type BenchCase, readGenuine } from './bench-case.ts';

const DOCUMENT = 'nitro/sdk-20250916-b1086cbb.cose';
const AT = '2025-09-16T21:25:49Z';

/** Every signature a cold verification has to check: the document's, then one a certificate below the pinned root. */
function checksOf(file: Uint8Array): readonly VerifySignatureInput[] {
  const { cose, certificate, cabundle } = parseNitroDocument(file);
  const chain = [certificate, ...cabundle.toReversed()].map(parseCertificate);
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('expected a leaf');
  const algorithm = { name: 'ECDSA', hash: 'SHA-384' } as const;
  return [
    { spki: leaf.spki, algorithm, signature: cose.signature, message: sigStructure(cose), signatureForm: 'raw' },
    ...chain.slice(0, -1).map(({ signature, tbs }, index) => {
      const issuer = chain[index + 1];
      if (issuer === undefined) throw new Error('expected an issuer');
      return { spki: issuer.spki, algorithm, signature, message: tbs };
    }),
  ];
}

export function nitroCases(): readonly BenchCase[] {
  const evidence = readGenuine(DOCUMENT);
  const at = Date.parse(AT);
  const parse = () => parseNitroDocument(evidence);
  const verify = (cache: VerificationCache) => verifyNitroDocument(parse(), { now: at, anchors: AWS_NITRO_ROOTS, cache });
  const memory = new VerificationCache();
  return [
    {
      name: 'Nitro',
      question: { kind: 'nitro', evidence, at },
      parse,
      warm: () => verify(memory),
      cold: () => verify(new VerificationCache()),
      checks: checksOf(evidence),
    },
  ];
}
