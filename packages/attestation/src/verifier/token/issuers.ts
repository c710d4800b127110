/**
 * Who may issue attestation tokens, and with which algorithms: an algorithm is pinned by the issuer, never taken from the token.
 * Keys of NVIDIA, Intel, Azure and EAR verifiers are supplied by the caller as key sets, because their issuers roll them within
 * days; Google's PKI tokens carry a chain to a pinned root; Proof of Cloud has one key.
 */

import type { Token } from '../../evidence/token/token.ts';

export type TokenFamily = 'nras' | 'intel' | 'azure' | 'google' | 'proof-of-cloud' | 'ear';

export interface TokenIssuer {
  readonly family: TokenFamily;
  /** For people. */
  readonly name: string;
  readonly algorithms: readonly string[];
  readonly matches: (token: Token) => boolean;
}

const NRAS = ['https://nras.attestation.nvidia.com', 'https://nras.attestation-stg.nvidia.com'];
const INTEL = [
  ...['Intel Trust Authority', 'AS Attestation Token Issuer'],
  ...['https://portal.trustauthority.intel.com', 'https://portal.eu.trustauthority.intel.com'],
];
const GOOGLE = 'https://confidentialcomputing.googleapis.com';
const EAR_PROFILES = [
  ...['tag:github.com,2023:veraison/ear', 'tag:ietf.org,2026:rats/ear#06'],
  'tag:github.com,2024:confidential-containers/Trustee',
];

const issuedBy =
  (...names: readonly string[]) =>
  ({ payload }: Token): boolean =>
    typeof payload.iss === 'string' && names.includes(payload.iss);

export const TOKEN_ISSUERS: readonly TokenIssuer[] = [
  { family: 'nras', name: 'NVIDIA Remote Attestation Service', algorithms: ['ES384'], matches: issuedBy(...NRAS) },
  { family: 'intel', name: 'Intel Trust Authority', algorithms: ['PS384', 'RS256'], matches: issuedBy(...INTEL) },
  {
    family: 'azure',
    name: 'Microsoft Azure Attestation',
    algorithms: ['RS256'],
    matches: ({ payload: { iss } }) =>
      typeof iss === 'string' && /^https:\/\/[a-z0-9.-]+\.attest\.azure\.(?:net|us|cn)\/?$/.test(iss),
  },
  { family: 'google', name: 'Google Confidential Space', algorithms: ['RS256'], matches: issuedBy(GOOGLE) },
  {
    family: 'proof-of-cloud',
    name: 'Proof of Cloud',
    algorithms: ['EdDSA', 'Ed25519'],
    matches: ({ payload }) => typeof payload.quote_hash === 'string' && typeof payload.machine_id === 'string',
  },
  {
    family: 'ear',
    name: 'EAR verifier',
    algorithms: ['ES256', 'ES384', 'EdDSA', 'Ed25519'],
    matches: ({ payload: { eat_profile: profile } }) =>
      typeof profile === 'string' && (EAR_PROFILES.includes(profile) || /\bear\b/.test(profile)),
  },
];
