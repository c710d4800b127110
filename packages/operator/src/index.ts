/** Owner-signed variables, policies and approvals: what anyone must be able to recheck. Pure: no I/O, no clock. */

export * from './answer.ts';
export * from './authorization.ts';
export * from './blob-sidecar.ts';
export * from './calldata.ts';
export * from './control.ts';
export * from './decision.ts';
export { OPERATOR_ERROR_KINDS, OperatorError, type OperatorErrorCode } from './errors.ts';
export * from './explain-policy.ts';
export {
  addressSchema,
  bytesOf,
  checksummed,
  type Hex,
  hash32Schema,
  hasWrongChecksum,
  hexOf,
  keccakOf,
  signatureSchema,
  typedAddressSchema,
  ZERO_HASH,
} from './hex.ts';
export {
  agentDocument,
  type HistoryReceipt,
  type RecheckedChange,
  type RecheckedHistory,
  recheckHistory,
} from './history.ts';
export * from './legacy-message.ts';
export * from './manifest.ts';
export * from './owner-message.ts';
export * from './policy.ts';
export { pythonStr } from './python-str.ts';
export * from './second-node.ts';
export * from './signature-decision.ts';
export { signedPolicy } from './signed-policy.ts';
export * from './signers.ts';
export { type SpendingEntry, SpendingWindow } from './spending-window.ts';
export * from './tools.ts';
export * from './transaction.ts';
export { parseTypedData, type TypedData, typedDataHash } from './typed-data.ts';
export * from './variable-content.ts';
export * from './variables.ts';
