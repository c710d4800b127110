/** What a claim of a known name means. A vocabulary lists them by lower-case name, or by `parent>name` where the name alone is common. */

import type { Json } from '@assay/encoding/json';

export type Meaning =
  /** The issuer's finding: a failed check unless `good`. `null` counts as not said. */
  | {
      readonly kind: 'finding';
      readonly good: (value: Json) => boolean;
      /** For people. */
      readonly expected: string;
      /** Name of the check where it has one of its own, otherwise `token.claim.<path>`. */
      readonly id?: string;
    }
  /** Whether the TEE can be debugged: true, 1 or `enabled`. */
  | { readonly kind: 'debug' }
  /** EAT debug status (RFC 9711 §4.2.9): everything but the disabled states is on. */
  | { readonly kind: 'debug-status' }
  | { readonly kind: 'tcb-status' | 'tcb-date' | 'advisories' | 'evaluation-number' }
  | { readonly kind: 'ear-status' | 'ear-vector' }
  /** What the attester or the relying party chose and the issuer only repeats; `except` names members that are the issuer's. */
  | { readonly kind: 'carried'; readonly except?: readonly string[] }
  /** Sounds like a finding and is none. */
  | { readonly kind: 'plain' };

export type Vocabulary = Readonly<Record<string, Meaning>>;

export const CARRIED: Meaning = { kind: 'carried' };
export const PLAIN: Meaning = { kind: 'plain' };
export const DEBUG: Meaning = { kind: 'debug' };

/** The same meaning for several names. */
export function named(names: readonly string[], meaning: Meaning): Vocabulary {
  return Object.fromEntries(names.map((name) => [name, meaning]));
}

/** A finding that is good as one of `values`; texts are compared without regard to case. */
export function oneOf(values: readonly (string | number | boolean)[], id?: string): Meaning {
  const accepted = values.map(normal);
  return {
    kind: 'finding',
    good: (value) => accepted.includes(normal(value)),
    expected: values.map(String).join(' or '),
    ...(id === undefined ? {} : { id }),
  };
}

function normal(value: Json): Json {
  return typeof value === 'string' ? value.toLowerCase() : value;
}
