/** Where each type keeps the identity of the key that signed the workload, and the product and version that key vouches for. */

import type { EvidenceType } from '../model/claims.ts';

export interface SignerSlots {
  /** Measurement names that identify a signer; any of them may match. */
  readonly signer: readonly string[];
  /** Identity name of the product number, for types that have one. */
  readonly product?: string;
  /** Identity name of the security version, for types that have one. */
  readonly version?: string;
}

export const SIGNER_SLOTS: Readonly<Partial<Record<EvidenceType, SignerSlots>>> = {
  sgx: { signer: ['mrsigner'], product: 'isv-prod-id', version: 'isv-svn' },
  tdx: { signer: ['mrsignerseam'] },
  nitro: { signer: ['pcr8'] },
  'sev-snp': { signer: ['id-key-digest', 'author-key-digest'], version: 'guest-svn' },
};
