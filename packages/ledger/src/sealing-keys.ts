/** The two private keys of one keyset that seal (spec/keyset.md §1): one for receipts, one for leaves of the log. */

import type { KeyObject } from 'node:crypto';
import type { KeysetKey } from '@assay/receipt';

export interface SigningKey {
  readonly entry: KeysetKey;
  readonly privateKey: KeyObject;
}

export interface SigningKeys {
  /** Signs receipts. */
  readonly receipt: SigningKey;
  /** Signs leaves of the log. */
  readonly leaf: SigningKey;
  /** For `receipt_signing_keys` of the keyset. */
  readonly keysetEntries: readonly KeysetKey[];
}
