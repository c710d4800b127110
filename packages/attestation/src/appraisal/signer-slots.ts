/** Where each type keeps the identity of the key that signed the workload, and the product and version that key vouches for. */

import type { EvidenceType, NamedClaims } from '../model/claims.ts';

export interface SignerSlots {
  /** Measurement names that identify a signer; any of them may match. */
  readonly signer: readonly string[];
  /** Where the claims hold the product number, for types that have one. */
  readonly product?: (claims: NamedClaims) => unknown;
  /** Where the claims hold the security version, for types that have one. */
  readonly version?: (claims: NamedClaims) => unknown;
}

export const SIGNER_SLOTS: Readonly<Partial<Record<EvidenceType, SignerSlots>>> = {
  sgx: {
    signer: ['mrsigner'],
    product: ({ identity }) => identity['isv-prod-id'],
    version: ({ identity }) => identity['isv-svn'],
  },
  tdx: { signer: ['mrsignerseam'] },
  nitro: { signer: ['pcr8'] },
  'sev-snp': { signer: ['id-key-digest', 'author-key-digest'], version: ({ details }) => details.guestSvn },
};
