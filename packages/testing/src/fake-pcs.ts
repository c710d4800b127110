/** Intel's Provisioning Certification Service v4 for the fake root: the same collateral as {@link fakeDcap} gives, as HTTP answers. */

import type { Endorsement } from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';

export interface FakePcsAnswer {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer at a path of the service, `null` when it has none there. `endorsements` as {@link fakeDcap} orders them. */
export function fakePcs(endorsements: readonly Endorsement[], path: string): FakePcsAnswer | null {
  const [rootCrl, pckCrl] = endorsements.filter(({ kind }) => kind === 'crl');
  switch (path) {
    case '/tdx/certification/v4/tcb':
      return signed(endorsements, 'tcb-info', 'tcbInfo', 'tcb-info-issuer-chain');
    case '/tdx/certification/v4/qe/identity':
      return signed(endorsements, 'enclave-identity', 'enclaveIdentity', 'sgx-enclave-identity-issuer-chain');
    case '/sgx/certification/v4/pckcrl':
      return revocations(pckCrl);
    case '/sgx/certification/v4/rootcacrl':
      return revocations(rootCrl);
    default:
      return null;
  }
}

function signed(
  endorsements: readonly Endorsement[],
  kind: 'tcb-info' | 'enclave-identity',
  member: string,
  header: string,
): FakePcsAnswer | null {
  const found = endorsements.find((item) => item.kind === kind);
  if (found === undefined || !('body' in found)) return null;
  const body = concatBytes(utf8(`{"${member}":`), found.body, utf8(`,"signature":"${encodeHex(found.signature)}"}`));
  const chain = encodeURIComponent(found.issuerChain.map((der) => encodePem('CERTIFICATE', der)).join(''));
  return { body, headers: { 'content-type': 'application/json', [header]: chain } };
}

function revocations(crl: Endorsement | undefined): FakePcsAnswer | null {
  return crl?.kind === 'crl' ? { body: crl.der, headers: { 'content-type': 'application/pkix-crl' } } : null;
}
