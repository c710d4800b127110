/**
 * The appraisal policy (RATS: Appraisal Policy for Evidence), version 1: what a relying party wants of authentic evidence.
 * File format and JSON schema: spec/policy.md, spec/policy.schema.json. Parsed by `appraisal/policy-file.ts`.
 *
 * A member that is left out asks nothing: the question reads `not-checked`. Debug and simulated evidence are refused all the same.
 */

import type { EvidenceType } from './claims.ts';

/**
 * A rule whose part does not occur refuses the evidence, so that nothing passes by being left out; `optional` is for alternatives on several
 * kinds of hardware.
 */
export type RulePresence = 'required' | 'optional';

/** Accepts evidence whose named measurements all have one of the listed values. */
export interface ExactMeasurements {
  /** For people, e.g. `release 1.4`. */
  readonly name?: string;
  /** Only for evidence of this type; left out: for every part that has one of the named measurements. */
  readonly type?: EvidenceType;
  /** Measurement name → accepted values, lower-case hex. All names must match, any value of a name will do. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** `required` when left out. */
  readonly presence?: RulePresence;
}

/** Accepts whatever this key signed, from this version on. */
export interface SignedMeasurements {
  readonly name?: string;
  /** The signer lives in `mrsigner` (sgx), `pcr8` (nitro), `id-key-digest` or `author-key-digest` (sev-snp), `mrsignerseam` (tdx). */
  readonly type: EvidenceType;
  /** `required` when left out. */
  readonly presence?: RulePresence;
  readonly signer: {
    /** Lower-case hex of the signer's measurement. */
    readonly value: string;
    /** SGX ISVPRODID, which tells one signer's products apart. */
    readonly product?: number;
    /** SGX ISVSVN or SNP GUEST_SVN, at least. Refused for types that carry no version. */
    readonly minimumVersion?: number;
  };
}

export type MeasurementRule = ExactMeasurements | SignedMeasurements;

/** An exception that ends by itself. `until` is RFC 3339; from that instant on the exception is gone. */
export interface DatedException {
  readonly id: string;
  readonly until: string;
}

export interface TcbRule {
  /** Accepted statuses in the vendor's words, e.g. `UpToDate`. */
  readonly statuses: readonly string[];
  /** Statuses accepted until a date; `id` is the status. */
  readonly grace?: readonly DatedException[];
  /** When present, every advisory of the matched level must be listed and in date. */
  readonly advisories?: readonly DatedException[];
  /** Intel `tcbEvaluationDataNumber`, at least. */
  readonly minimumEvaluationNumber?: number;
  /** The matched level's `tcbDate`, RFC 3339, at least. */
  readonly minimumDate?: string;
}

export interface FreshnessRule {
  /** Oldest accepted evidence, seconds before `now`. */
  readonly maxAgeSeconds: number;
  /** Accepted clock difference into the future, seconds. */
  readonly skewSeconds: number;
  /** Refuse evidence that carries no time of its own and answers no nonce. */
  readonly required: boolean;
}

/** Accepted contents of the binding slots, lower-case hex. A report-data value shorter than the slot is padded with zeros. */
export interface BindingRule {
  readonly reportData?: readonly string[];
  readonly userData?: readonly string[];
  readonly publicKey?: readonly string[];
}

export interface GpuRule {
  /** At least this many GPUs with verified evidence. */
  readonly minimumCount: number;
  /** Accepted architectures, upper case: `HOPPER`, `BLACKWELL`. */
  readonly architectures?: readonly string[];
  /** `required`: every GPU's measurements must have been compared with signed reference manifests. */
  readonly referenceManifests: 'required' | 'when-given';
}

/** A rule over any claim, for what this format has no word for. Exactly one of the comparisons. */
export interface ClaimRule {
  /** Dotted path from the claims, e.g. `details.vmpl`, `identity.fmspc`. */
  readonly path: string;
  readonly type?: EvidenceType;
  readonly equals?: string | number | boolean;
  readonly oneOf?: readonly (string | number | boolean)[];
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What a relying party demands of authentic claims (docs/policies.md). A member that is left out demands nothing. */
export interface Policy {
  readonly version: 1;
  readonly name?: string;
  readonly description?: string;
  /** Accepted evidence types, of the whole and of its parts. */
  readonly types?: readonly EvidenceType[];
  /** Accepted roots: SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex. A root here must still be pinned or supplied. */
  readonly roots?: readonly string[];
  /** Simulators' roots that are accepted, same form. Everything under them stays marked as simulated. */
  readonly simulatedRoots?: readonly string[];
  /** `refuse`: only `simulatedRoots` names simulators, the caller cannot add one. `when-named` is the same as leaving it out. */
  readonly simulated?: 'refuse' | 'when-named';
  /** `allow` accepts debuggable environments, which keep no secret. */
  readonly debug?: 'refuse' | 'allow';
  /** `refuse` refuses SEV-SNP reports that the host asked for instead of the guest; otherwise they are a warning. */
  readonly hostRequested?: 'refuse' | 'allow';
  /** Evidence type → at least this many verified parts of it, so that no part can be left out. */
  readonly parts?: Readonly<Partial<Record<EvidenceType, number>>>;
  /** Every rule must find its part, and every part that rules speak of must match one of them. Left out: not checked. */
  readonly measurements?: readonly MeasurementRule[];
  readonly tcb?: TcbRule;
  readonly freshness?: FreshnessRule;
  /** `required`: refuse when the caller gives no nonce to compare. */
  readonly nonce?: 'required' | 'when-given';
  readonly bindings?: BindingRule;
  readonly gpu?: GpuRule;
  /** Products never accepted, e.g. `Milan`. Compared without regard to case. */
  readonly refusedProducts?: readonly string[];
  /** Identity name (`ppid`, `chip-id`, `module-id`, `app-id` …) → accepted values. */
  readonly identity?: Readonly<Record<string, readonly string[]>>;
  readonly tokenIssuers?: readonly string[];
  /** Verification checks that must read `pass`, so that a skipped one refuses, e.g. `nitro.crl`. */
  readonly requiredChecks?: readonly string[];
  readonly claims?: readonly ClaimRule[];
}

/** What this caller expects of this piece of evidence, lower-case hex. Compared in addition to the policy. */
export interface Expected {
  /** The nonce the caller sent. */
  readonly nonce?: string;
  /** Report data; shorter than the slot means padded with zeros on the right. */
  readonly reportData?: string;
  readonly userData?: string;
  readonly publicKey?: string;
}
