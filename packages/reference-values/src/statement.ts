/**
 * Measured values in the two forms that others take: an in-toto Statement (https://github.com/in-toto/attestation, spec v1), to be signed
 * by a build workflow, and rules of an appraisal policy (spec/policy.md). The predicate is specified in spec/reference-values.md.
 */

import type { Measured } from './measured.ts';

export const REFERENCE_VALUES_PREDICATE = 'urn:assay:reference-values:v1';

/** One rule of a policy: accepts evidence that shows exactly these values. */
export interface MeasuredRule {
  readonly type: Measured['type'];
  readonly values: Readonly<Record<string, readonly [string]>>;
}

export interface ReferenceValuesStatement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: typeof REFERENCE_VALUES_PREDICATE;
  readonly predicate: {
    readonly measurements: readonly MeasuredRule[];
    readonly notComputed: Measured['notComputed'];
    /** Of the release, three numbers. */
    readonly version?: string;
    /** Lowest version that may still run, where the maker names one: policies made from releases leave older ones out. */
    readonly minimumVersion?: string;
  };
}

/** @example policy.measurements = [ruleOf(measured)] */
export function ruleOf({ type, values }: Pick<Measured, 'type' | 'values'>): MeasuredRule {
  const listed = Object.entries(values).map(([name, value]): [string, readonly [string]] => [name, [value]]);
  return { type, values: Object.fromEntries(listed) };
}

/** @example JSON.stringify(statementOf(await measureEif(file))) */
export function statementOf(
  measured: Measured,
  options: { readonly version?: string | undefined; readonly minimumVersion?: string | undefined } = {},
): ReferenceValuesStatement {
  const { version, minimumVersion } = options;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: Object.entries(measured.inputs).map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: REFERENCE_VALUES_PREDICATE,
    predicate: {
      measurements: [ruleOf(measured)],
      notComputed: measured.notComputed,
      ...(version === undefined ? {} : { version }),
      ...(minimumVersion === undefined ? {} : { minimumVersion }),
    },
  };
}
