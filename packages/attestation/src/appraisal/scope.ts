/** What an outcome covers and what it does not, in plain sentences. Nobody should read more into a verdict than was asked. */

import type { Check } from '../model/check.ts';
import type { Claims, EvidenceType } from '../model/claims.ts';
import { formatInstant } from './instant.ts';
import type { AppraisalContext, ClaimsNode } from './question.ts';

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

/** For people: `Intel TDX quote`. */
export function typeName(type: EvidenceType): string {
  return TYPE_NAMES[type];
}

/** BadFuse and MilanLaunchy reach every Milan chip at every firmware level. */
export function isMilan({ identity }: Claims): boolean {
  return /^milan/i.test(identity.product ?? '');
}

export function describeScope(
  nodes: readonly ClaimsNode[],
  checks: readonly Check[],
  { now, policy }: AppraisalContext,
): string {
  const claims = nodes[0]?.claims;
  if (claims === undefined) return 'nothing was appraised';
  const outcome = (id: string): string =>
    checks.find((check) => check.id === id || check.id.endsWith(`/${id}`))?.outcome ?? 'not-checked';
  const covered = [
    outcome('policy.measurements') === 'pass' ? 'measurements match the policy' : 'measurements not checked',
    outcome('policy.nonce') === 'pass' ? 'answers the nonce given' : 'no nonce checked',
    checks.some(({ id, outcome }) => /policy\.(report-data|user-data|public-key)$/.test(id) && outcome === 'pass')
      ? 'binds what was expected'
      : 'no binding checked',
  ];
  const parts = nodes.length > 1 ? ` with ${nodes.length - 1} verified part${nodes.length === 2 ? '' : 's'}` : '';
  const name = `${claims.simulated ? 'SIMULATED ' : ''}${typeName(claims.type)}${parts}`;
  return `${name} at ${formatInstant(now)}, policy ${policy.name ?? 'unnamed'}: ${covered.join('; ')}`;
}

export function describeLimits(nodes: readonly ClaimsNode[]): readonly string[] {
  const types = new Set(nodes.map(({ claims }) => claims.type));
  const some = (...wanted: readonly EvidenceType[]): boolean => wanted.some((type) => types.has(type));
  const limits = ['That the measured software is free of faults: a measurement names code, it does not judge it.'];
  if (some('sgx', 'tdx', 'sev-snp', 'dstack')) {
    limits.push(
      'That nobody with physical access opened the machine: TEE.fail, Battering RAM and WireTap extract keys through the memory bus.',
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
