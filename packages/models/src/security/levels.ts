/** Security levels and thresholds of seed 003, and the policies by their names. Levels are an order, not words: `high` is above `medium`. */

/** From weakest to strongest. */
export const SECURITY_LEVELS = ['low', 'medium', 'high'] as const;
export type SecurityLevel = (typeof SECURITY_LEVELS)[number];

/** True when `level` is `wanted` or stronger. @example isAtLeast('low', 'high') // false */
export function isAtLeast(level: SecurityLevel, wanted: SecurityLevel): boolean {
  return SECURITY_LEVELS.indexOf(level) >= SECURITY_LEVELS.indexOf(wanted);
}

export const PROVIDER_TYPES = ['sgx', 'sev', 'nitro', 'tdx', 'dstack', 'vendor', 'mock'] as const;
export type ProviderType = (typeof PROVIDER_TYPES)[number];

/**
 * The provider of evidence of this type; `null` for evidence that the guide has no name for.
 * @example providerOf('nitro')
 */
export function providerOf(evidenceType: string): ProviderType | null {
  return PROVIDER_OF_EVIDENCE.get(evidenceType) ?? null;
}

const PROVIDER_OF_EVIDENCE: ReadonlyMap<string, ProviderType> = new Map([
  ['nitro', 'nitro'],
  ['sgx', 'sgx'],
  ['sev-snp', 'sev'],
  ['tdx', 'tdx'],
  ['dstack', 'dstack'],
  ['vendor-commitment', 'vendor'],
]);

/** The least that an attestation must show. */
export interface SecurityThresholds {
  readonly minSecurityLevel: SecurityLevel;
  readonly maxAttestationAgeSeconds: number;
  readonly maxVerificationRetries: number;
  /** A chain to a root that is pinned or named. Signatures are verified whatever this says. */
  readonly requireCertificateChain: boolean;
  readonly requireTcbUpToDate: boolean;
  /** Simulated evidence, under a root that the caller names. */
  readonly allowTestMode: boolean;
  /** Of statistical comparisons. */
  readonly confidence: number;
}

/** Makes the strict, the moderate and the relaxed thresholds. */
export const SecurityThresholds = {
  strict: (): SecurityThresholds => thresholds('high', 3600, 3, [true, true, false], 0.99),
  moderate: (): SecurityThresholds => thresholds('medium', 7200, 5, [true, false, false], 0.95),
  relaxed: (): SecurityThresholds => thresholds('low', 86_400, 10, [false, false, true], 0.9),
};

function thresholds(
  minSecurityLevel: SecurityLevel,
  maxAttestationAgeSeconds: number,
  maxVerificationRetries: number,
  [requireCertificateChain, requireTcbUpToDate, allowTestMode]: readonly [boolean, boolean, boolean],
  confidence: number,
): SecurityThresholds {
  return {
    ...{ minSecurityLevel, maxAttestationAgeSeconds, maxVerificationRetries },
    ...{ requireCertificateChain, requireTcbUpToDate, allowTestMode, confidence },
  };
}

/** Whose attestations are taken, how strong, how old. */
export interface AttestationPolicy {
  readonly minSecurityLevel: SecurityLevel;
  readonly maxAgeSeconds: number;
  readonly providers: readonly ProviderType[];
}

export const AttestationPolicy = {
  defaultPolicy: (): AttestationPolicy => ({
    minSecurityLevel: 'high',
    maxAgeSeconds: 3600,
    providers: ['sgx', 'sev', 'nitro'],
  }),
  relaxedPolicy: (): AttestationPolicy => ({ minSecurityLevel: 'low', maxAgeSeconds: 86_400, providers: PROVIDER_TYPES }),
};

/** How API calls are bound to a model. */
export interface BindingPolicy {
  readonly mode: 'tee_attestation' | 'vendor_commitment';
  readonly requireAttestation: boolean;
  readonly maxBindingAgeSeconds: number;
  readonly verifyOnBind: boolean;
  /** Keeps request and response; otherwise their hashes alone. */
  readonly includeFullTranscript: boolean;
}

export const BindingPolicy = {
  strictPolicy: (): BindingPolicy => ({
    ...{ mode: 'tee_attestation', requireAttestation: true, maxBindingAgeSeconds: 3600, verifyOnBind: true },
    includeFullTranscript: false,
  }),
  relaxedPolicy: (): BindingPolicy => ({
    ...{ mode: 'vendor_commitment', requireAttestation: false, maxBindingAgeSeconds: 86_400, verifyOnBind: false },
    includeFullTranscript: true,
  }),
};
