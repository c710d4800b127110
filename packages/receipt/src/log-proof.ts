/** What ties one receipt to the log. Format: spec/log.md §5. */
export interface LogProof {
  /** Zero-based index of the entry. */
  readonly index: number;
  /** The entry itself: the canonical text of the leaf. */
  readonly leaf: string;
  /** Lower-case hex, 32 bytes: opens the leaf's commitment to the receipt. */
  readonly salt: string;
  /** `c2sp.org/tlog-proof@v1` text: index, inclusion path and signed checkpoint. */
  readonly proof: string;
}
