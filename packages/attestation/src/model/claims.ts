/**
 * What authentic evidence says, in one shape for every TEE (RATS: the claims set). Parsed values are *claims made by bytes*;
 * {@link VerifiedClaims} are claims whose signature chains to a pinned root at the given time. Only `verifier/` can mint them.
 *
 * Not decided here: whether anyone wants these claims. That is appraisal/.
 */

import type { Check } from './check.ts';

/** The kinds of evidence. A new TEE adds one name here, one folder in `evidence/`, one in `verifier/` and one registry line. */
export const EVIDENCE_TYPES = [
  'nitro',
  'sgx',
  'tdx',
  'sev-snp',
  'nvidia-gpu',
  'nvidia-switch',
  'nvidia-rim',
  'dstack',
  'tpm',
  'token',
  'vendor-commitment',
  'combined',
] as const;

export type EvidenceType = (typeof EVIDENCE_TYPES)[number];

/** Standing of the platform's firmware, in the vendor's own words (Intel: `UpToDate`, `SWHardeningNeeded`, …). */
export interface TcbStanding {
  readonly status: string;
  readonly advisories: readonly string[];
  /** Date the vendor gives the matched level, RFC 3339, or `null`. */
  readonly date: string | null;
  /** Intel `tcbEvaluationDataNumber`, or `null`. */
  readonly evaluationNumber: number | null;
  /** Why it is not better: which component is short of which level, and what raises it. Absent when nothing is short. */
  readonly reason?: string;
}

/** What the evidence binds: lower-case hex, `null` when the slot does not exist or is absent. */
export interface Bindings {
  /** The whole report-data slot (64 bytes in SGX, TDX, SNP; Nitro has none). */
  readonly reportData: string | null;
  readonly nonce: string | null;
  /** Other byte strings that nonces of a token can stand for; its text may be hex, base64 or plain. */
  readonly nonceReadings?: readonly string[];
  readonly userData: string | null;
  readonly publicKey: string | null;
}

export interface Claims {
  readonly type: EvidenceType;
  /** True when the root that signed is a simulator's. Never true under a vendor root. */
  readonly simulated: boolean;
  /** The evidence comes from a debuggable environment, so it proves nothing about secrecy. `null`: the format cannot say. */
  readonly debug: boolean | null;
  /** Measurement name (`pcr0`, `mrtd`, `rtmr3`, `mrenclave`, `measurement` …) → lower-case hex. */
  readonly measurements: Readonly<Record<string, string>>;
  readonly bindings: Bindings;
  /** Platform identity: `module-id`, `ppid`, `fmspc`, `chip-id`, `app-id`, `ueid` … */
  readonly identity: Readonly<Record<string, string>>;
  readonly tcb: TcbStanding | null;
  /** When the evidence says it was made, epoch milliseconds; `null` when it does not say. */
  readonly issuedAt: number | null;
  /** Window in which every certificate and every piece of collateral used was valid, epoch milliseconds. */
  readonly validity: { readonly notBefore: number; readonly notAfter: number };
  /** SHA-256 of the DER SubjectPublicKeyInfo of the root that signed, lower-case hex. */
  readonly root: string;
  /** What a careful reader should know although nothing failed; becomes a warning. One sentence each. */
  readonly notices?: readonly string[];
  /** Every step taken to get here, and every step that could not be taken. */
  readonly checks: readonly Check[];
  /** Parts that were verified on their own: `gpu-0`, `gateway`, `model`, `cpu` … */
  readonly submodules: Readonly<Record<string, VerifiedClaims>>;
  /** Format-specific fields, JSON-safe, for people and policies that need more. */
  readonly details: Readonly<Record<string, unknown>>;
}

declare const minted: unique symbol;

/** Claims of authentic evidence. Minted by `verifier/mint.ts` only. */
export type VerifiedClaims = Claims & { readonly [minted]: true };
