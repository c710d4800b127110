/**
 * The receipt: one signed event log of one piece of work, in the form of `aci/1` §7 with Assay's event types added.
 * Format: spec/receipt.md. Parsing here proves nothing; `verify-receipt.ts` checks the signature.
 */

/** Any JSON object. */
type JsonObject = { readonly [name: string]: unknown };

/** `sha256:` and 64 lower-case hex characters. */
export type Digest = `sha256:${string}`;

/** A flat object: its type and that type's fields. */
export type ReceiptEvent = { readonly type: string } & JsonObject;

export interface Receipt {
  readonly api_version: 'aci/1';
  readonly receipt_id: string;
  readonly chat_id: string | null;
  readonly model: string | null;
  readonly workload_keyset_digest: Digest;
  readonly endpoint: string;
  readonly method: string;
  /** Epoch seconds, asserted by the agent. */
  readonly served_at: number;
  /** In the order of appending; the first is `request.received`. */
  readonly event_log: readonly ReceiptEvent[];
  readonly key_id: string;
  /** Lower-case hex, 64 bytes, over the JCS form of the receipt without this member. */
  readonly signature: string;
}
