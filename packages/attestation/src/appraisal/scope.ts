/** What an outcome is about and what it does not prove, in plain sentences. What it says of the checks: headline.ts. */

import type { EvidenceType, NamedClaims } from '../model/claims.ts';
import { formatInstant } from './instant.ts';
import type { ClaimsNode } from './question.ts';

const TYPE_NAMES: Readonly<Record<EvidenceType, string>> = {
  nitro: 'AWS Nitro document',
  sgx: 'Intel SGX quote',
  tdx: 'Intel TDX quote',
  'sev-snp': 'AMD SEV-SNP report',
  'nvidia-gpu': 'NVIDIA GPU evidence',
  'nvidia-switch': 'NVIDIA switch evidence',
  'nvidia-rim': 'NVIDIA reference manifest (no device)',
  dstack: 'dstack evidence',
  tpm: 'TPM evidence',
  token: 'attestation token',
  'vendor-commitment': 'vendor commitment',
  combined: 'combined report',
};

/**
 * For people: `Intel TDX quote`.
 * @example typeName('tdx') // 'Intel TDX quote'
 */
export function typeName(type: EvidenceType): string {
  return TYPE_NAMES[type];
}

/**
 * What people call the subject of a verdict: evidence as its vendor does, a file of Assay by its type.
 * @example subjectName('sev-snp') // 'AMD SEV-SNP report'
 */
export function subjectName(type: string | null): string {
  if (type === null) return 'this file';
  return Object.hasOwn(TYPE_NAMES, type) ? TYPE_NAMES[type as EvidenceType] : type;
}

/** BadFuse and MilanLaunchy reach every Milan chip at every firmware level. */
export function isMilan({ identity }: NamedClaims): boolean {
  return /^milan/i.test(identity.product ?? '');
}

/** What was appraised and when, e.g. `SIMULATED dstack evidence with 2 verified parts at 2026-06-10T00:00:00Z`. */
export function describeSubject(nodes: readonly ClaimsNode[], now: number): string {
  const claims = nodes[0]?.claims;
  if (claims === undefined) return 'nothing';
  const parts = nodes.length > 1 ? ` with ${nodes.length - 1} verified part${nodes.length === 2 ? '' : 's'}` : '';
  return `${claims.simulated ? 'SIMULATED ' : ''}${typeName(claims.type)}${parts} at ${formatInstant(now)}`;
}

export function describeLimits(nodes: readonly ClaimsNode[]): readonly string[] {
  const types = new Set(nodes.map(({ claims }) => claims.type));
  const some = (...wanted: readonly EvidenceType[]): boolean => wanted.some((type) => types.has(type));
  const limits = ['That the measured software is free of faults: a measurement names code, it does not verify it.'];
  if (some('sgx', 'tdx', 'sev-snp', 'dstack')) {
    limits.push(
      'That no one with physical access opened the machine: TEE.fail, Battering RAM and WireTap extract keys through the memory bus.',
    );
  }
  if (nodes.some(({ claims }) => isMilan(claims))) {
    limits.push(
      'That a Milan chip kept its root secret: BadFuse extracts it in software at every firmware level (arXiv 2605.12990).',
    );
  }
  if (some('nvidia-gpu') && nodes.length > 1) {
    limits.push(
      'That the GPUs sit in the machine whose CPU was quoted, unless a check above says the CPU evidence binds them.',
    );
  }
  if (some('nvidia-gpu') && nodes.length === 1) limits.push('Which machine the GPU sits in: a genuine GPU can be anywhere.');
  if (some('token')) limits.push("More than the token's issuer says: its own verification is not repeated here.");
  if (some('vendor-commitment')) limits.push('Anything about hardware: a vendor commitment is a promise with a signature.');
  if (nodes[0]?.claims.simulated === true) limits.unshift('Anything about hardware: a simulator made this evidence.');
  limits.push('That the one you talk to is the one that made this evidence, unless a binding check above compared its key.');
  return limits;
}
