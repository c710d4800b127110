/**
 * Verifies attestations of transcript sessions (`POST /attestation/create`, spec/transcripts.md) under the thresholds and policies of seed 003. The level
 * of security is derived from authentic claims; what the document says of itself counts for nothing.
 */

import type { Endorsements, Trust, VerifiedClaims } from '@assay/attestation';
import { isJsonObject, type Json, type JsonObject } from '@assay/encoding/json';
import {
  type ApiSecurityConfig,
  isAtLeast,
  parseSecurityConfig,
  providerOf,
  type SecurityLevel,
  strictestOf,
} from '@assay/models';
import { resolveOptions } from '../verification/options.ts';
import { reportVerdict } from '../verification/report.ts';
import type { ReportVerdict } from '../verification/verdict.ts';

/** Why an attestation is not valid, in the words of the transcript's format. */
export type FailureReason =
  | 'invalid_quote'
  | 'invalid_signature'
  | 'invalid_certificate'
  | 'invalid_measurements'
  | 'expired_attestation'
  | 'replay_attack'
  | 'untrusted_platform'
  | 'nonce_mismatch'
  | 'policy_violation';

/** A model as a session names it; members that are left out are not compared. */
export interface ModelIdentityClaim {
  readonly hash?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** What `POST /attestation/create` answers. */
export interface SessionAttestation {
  readonly session_id: string;
  readonly attestation: JsonObject;
  readonly model_identity: JsonObject;
}

/** What an `AttestationVerifier` found about one attestation. */
export interface AttestationOutcome {
  /** True when nothing failed. */
  readonly valid: boolean;
  /** `partial`: authentic, with one or two failures of policy. Never a reason to go on. */
  readonly status: 'valid' | 'partial' | 'invalid';
  readonly failures: readonly { readonly reason: FailureReason; readonly detail: string }[];
  /** Of authentic evidence; `null` for any other. */
  readonly securityLevel: SecurityLevel | null;
  /** Every check behind it. */
  readonly verdict: ReportVerdict;
}

/** Options of an `AttestationVerifier`. */
export interface AttestationVerifierOptions {
  /** Strict unless given. */
  readonly config?: ApiSecurityConfig | undefined;
  readonly trust?: Trust | undefined;
  readonly endorsements?: Endorsements | undefined;
  /** Epoch milliseconds; the platform's clock by default. */
  readonly now?: (() => number) | undefined;
}

/** Nonces that are remembered against replay. */
const MAX_NONCES = 65_536;
const CURRENT: readonly string[] = ['UpToDate'];
const WEAK: readonly string[] = ['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded'];

/**
 * @example
 * const verifier = new AttestationVerifier({ config: parseSecurityConfig(file), trust: { roots: [rootPem] } });
 * const { valid, failures } = await verifier.verifyAttestation(attestation, { name: 'gpt2' }, nonce);
 */
export class AttestationVerifier {
  readonly #options: AttestationVerifierOptions;
  readonly #config: ApiSecurityConfig;
  readonly #seen = new Set<string>();

  constructor(options: AttestationVerifierOptions = {}) {
    this.#options = options;
    this.#config = options.config ?? parseSecurityConfig('{}');
  }

  /**
   * @param session what the provider answered.
   * @param model the model that you asked for; `null` compares none.
   * @param nonce the nonce that you sent. A nonce that was verified before is a replay.
   * @throws {AttestationError} of kind `misuse` only.
   */
  async verifyAttestation(
    session: SessionAttestation,
    model: ModelIdentityClaim | null,
    nonce: string,
  ): Promise<AttestationOutcome> {
    const { trust, endorsements, now = Date.now } = this.#options;
    const { attestation, model_identity: stated } = session;
    const claims = isJsonObject(attestation.additional_claims) ? attestation.additional_claims : {};
    const reportNonce = /^[0-9a-f]{64}$/.test(nonce) ? nonce : String(claims.report_nonce);
    const time = now();
    const options = resolveOptions({
      trust,
      collateral: endorsements,
      now: time,
      policy: { version: 1, debug: 'allow' },
      expected: { nonce: reportNonce },
    });
    const verdict = await reportVerdict((attestation.report ?? null) as Json, options);
    const failures: { reason: FailureReason; detail: string }[] = [];
    const failed = (reason: FailureReason, detail: string): void => void failures.push({ reason, detail });
    if (attestation.nonce !== nonce)
      failed('nonce_mismatch', `expected nonce ${nonce.slice(0, 64)}, got ${String(attestation.nonce).slice(0, 64)}`);
    if (this.#isReplayed(nonce)) failed('replay_attack', 'the nonce was verified before; make a new one for each attestation');
    for (const [name, wanted] of Object.entries(model ?? {}))
      if (wanted !== undefined && stated[name] !== wanted)
        failed('policy_violation', `expected model ${name} ${wanted}, got ${String(stated[name])}`);
    if (verdict.outcome === 'accepted' || verdict.outcome === 'refused')
      this.#appraise(verdict.claims, attestation, time, failed);
    else failed(reasonOf(verdict.error.code), verdict.error.message);
    const authentic = verdict.outcome === 'accepted' || verdict.outcome === 'refused';
    const isPartial = authentic && failures.length < 3 && failures.every(({ reason }) => reason !== 'replay_attack');
    return {
      valid: failures.length === 0,
      status: failures.length === 0 ? 'valid' : isPartial ? 'partial' : 'invalid',
      failures,
      securityLevel: authentic ? levelOf(verdict.claims) : null,
      verdict,
    };
  }

  #appraise(
    claims: VerifiedClaims,
    attestation: JsonObject,
    time: number,
    failed: (reason: FailureReason, detail: string) => void,
  ): void {
    const { thresholds, attestationPolicy } = this.#config;
    const { minSecurityLevel, maxAgeSeconds } = strictestOf(this.#config);
    const provider = claims.simulated && attestation.provider_type === 'mock' ? 'mock' : providerOf(claims.type);
    if (provider === null || !attestationPolicy.providers.includes(provider))
      failed(
        'policy_violation',
        `expected a provider of ${attestationPolicy.providers.join(', ')}, got ${provider ?? claims.type}`,
      );
    if (claims.simulated && !thresholds.allowTestMode)
      failed('untrusted_platform', 'expected hardware, got a simulator; allow_test_mode accepts it');
    const level = levelOf(claims);
    // A simulator that the caller allows counts as `low`, whatever TEE it imitates.
    const effective: SecurityLevel = claims.simulated && thresholds.allowTestMode ? 'low' : level;
    if (!isAtLeast(effective, minSecurityLevel))
      failed('policy_violation', `expected security level ${minSecurityLevel}, got ${effective}`);
    if (claims.debug === true)
      failed('untrusted_platform', 'expected an environment that cannot be debugged, got one that can');
    if (thresholds.requireTcbUpToDate && claims.tcb !== null && !CURRENT.includes(claims.tcb.status))
      failed('untrusted_platform', `expected firmware that is UpToDate, got ${claims.tcb.status}`);
    const made = claims.issuedAt ?? Date.parse(String(attestation.timestamp));
    if (!(time - made <= maxAgeSeconds * 1000))
      failed(
        'expired_attestation',
        `expected at most ${maxAgeSeconds} s, got an attestation of ${new Date(made).toISOString()}`,
      );
  }

  #isReplayed(nonce: string): boolean {
    if (this.#seen.has(nonce)) return true;
    if (this.#seen.size >= MAX_NONCES) this.#seen.delete(this.#seen.values().next().value ?? '');
    this.#seen.add(nonce);
    return false;
  }
}

function levelOf({ simulated, type, debug, tcb }: VerifiedClaims): SecurityLevel {
  if (simulated || type === 'vendor-commitment' || debug === true) return 'low';
  if (tcb === null || CURRENT.includes(tcb.status)) return 'high';
  return WEAK.includes(tcb.status) ? 'medium' : 'low';
}

function reasonOf(code: string): FailureReason {
  if (code.startsWith('certificate/')) return 'invalid_certificate';
  if (code.endsWith('signature-invalid')) return 'invalid_signature';
  if (code === 'report/unbound' || code === 'report/mismatch') return 'nonce_mismatch';
  return /expired|not-yet-valid/.test(code) ? 'expired_attestation' : 'invalid_quote';
}
