/** The members that the claims of every TEE have. */

import type { Check } from '../check.ts';
import type { EvidenceType, VerifiedClaims } from '../claims.ts';

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

/** Bindings of hardware with a report-data slot of 64 bytes. */
export interface ReportDataBindings extends Bindings {
  readonly reportData: string;
}

/** Keys and addresses that the report data of a node in a combined report vouches for. */
export type BoundKeyIdentity = {
  readonly 'signing-address'?: string;
  readonly 'signing-algorithm'?: string;
  readonly 'encryption-key'?: string;
  readonly 'tls-fingerprint'?: string;
  readonly 'tls-key-fingerprint'?: string;
  readonly 'hpke-key'?: string;
};

/**
 * Claims of one type. Measurements, identity and details are type aliases with known members, JSON-safe.
 */
export interface ClaimsOf<Type extends EvidenceType, Measurements, Identity, Details> {
  readonly type: Type;
  /** True when the root that signed is a simulator's. Never true under a vendor root. */
  readonly simulated: boolean;
  /** The evidence comes from a debuggable environment, so it proves nothing about secrecy. `null`: the format cannot say. */
  readonly debug: boolean | null;
  /** Lower-case hex by name: `pcr0`, `mrtd`, `rtmr3`, `mrenclave`, `measurement` … */
  readonly measurements: Measurements;
  readonly bindings: Bindings;
  /** Platform identity: `module-id`, `ppid`, `fmspc`, `chip-id`, `app-id`, `ueid` … */
  readonly identity: Identity;
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
  /** What only this type has. */
  readonly details: Details;
}

/** The claims of any type, by name: for questions that are put to all of them alike. */
export interface NamedClaims
  extends Omit<
    ClaimsOf<
      EvidenceType,
      Readonly<Record<string, string>>,
      Readonly<Record<string, string>>,
      Readonly<Record<string, unknown>>
    >,
    'submodules'
  > {
  readonly submodules: Readonly<Record<string, NamedClaims>>;
}
