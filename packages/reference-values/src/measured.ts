/** What measuring an image gives: the values that genuine evidence of it will show, and what could not be computed. */

/** Kinds of evidence whose values are computed here; the words are those of policies. */
export type MeasuredType = 'nitro' | 'sev-snp' | 'sgx' | 'tdx' | 'dstack';

export interface Measured {
  readonly type: MeasuredType;
  /** Names as policies write them → lower-case hex. */
  readonly values: Readonly<Record<string, string>>;
  /** SHA-256 of the measured files by name, lower-case hex: the subjects of the statement. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Facts about the image that are no measurements, for people. */
  readonly facts: Readonly<Record<string, string>>;
  /** Measurements that this image would show and that were not computed, each with the reason. */
  readonly notComputed: readonly { readonly name: string; readonly reason: string }[];
}
