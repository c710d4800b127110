/** Receipts, reports, bundles and the log, for programs that read or verify them piece by piece; `verifyBundle` of `assay` does all of it. */

export {
  authenticateBundle,
  keysetDigest,
  parseBundle,
  parseCheckpoint,
  parseKeyset,
  parseReceipt,
  parseReport,
  RECEIPT_ERROR_KINDS,
  ReceiptError,
  type ReceiptErrorCode,
  redactBundle,
  verifyCheckpoint,
  verifyInclusion,
  verifyLogProof,
  verifyReceiptSignature,
} from '@assay/receipt';
export { verifyBundle } from './verification/bundle.ts';
export { verifyReceipt } from './verification/receipt.ts';
export { verifyReport } from './verification/report.ts';
