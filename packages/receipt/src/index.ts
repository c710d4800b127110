export type * from './execution-claim.ts';
export type { LogProof } from './log-proof.ts';
export type { Digest, Receipt, ReceiptEvent } from './receipt.ts';
