export {
  authenticateBundle,
  type EvidenceRequest,
  type VerifiedBundle,
  type VerifiedEvidence,
  type VerifiedReceipt,
  type VerifyBundleOptions,
} from './authenticate-bundle.ts';
export {
  type Bundle,
  type BundleReceipt,
  type BundleReport,
  type BundleSource,
  type BundleSuccession,
  bundleLogProof,
  encodeBundle,
  parseBundle,
  redactBundle,
} from './bundle.ts';
export {
  type BundleEntry,
  base64Length,
  MAX_BUNDLE_BYTES,
  type ReceiptText,
  type StreamedBundle,
  type StreamedPayload,
  streamBundle,
  streamedBundleLength,
} from './bundle-pieces.ts';
export type { Check } from './check.ts';
export { type Checkpoint, checkpointText, parseCheckpoint, type VerifiedSignature, verifyCheckpoint } from './checkpoint.ts';
export {
  type CheckpointBody,
  ed25519CosignatureMessage,
  mlDsaCosignatureMessage,
  timestamped,
} from './cosignature.ts';
export { type Digest, digestBytes, digestJson, isDigest } from './digest.ts';
export { type DsseEnvelope, IN_TOTO_TYPE, signEnvelope, verifyEnvelope, verifyEnvelopeUnder } from './dsse.ts';
export { verifyEd25519 } from './ed25519.ts';
export { RECEIPT_ERROR_KINDS, ReceiptError, type ReceiptErrorCode } from './errors.ts';
export { type KeptPayload, keptPayloads, parseEvent, type ReceiptEvent, taskNonce } from './events.ts';
export type * from './execution-claim.ts';
export {
  AGENT_ALGORITHM,
  CARD_ALGORITHM,
  type Keyset,
  type KeysetKey,
  keyId,
  keysetDigest,
  LEAF_ALGORITHM,
  PROVENANCE_ALGORITHM,
  parseKeyset,
  RECEIPT_ALGORITHM,
  signingKey,
  type TlsKey,
  WALLET_ALGORITHM,
} from './keyset.ts';
export {
  assertLeafFits,
  commitment,
  contentText,
  encodeLeaf,
  type Leaf,
  LeafChains,
  type LeafContent,
  type LeafKind,
  leafDigest,
  logKeysDigest,
  MAX_LEAF_BYTES,
  parseLeaf,
  parseLeafText,
  signedText,
  taggedContent,
  verifyLeaf,
  verifyLeafChains,
} from './leaf.ts';
export { batchOf, type HexNode, type LeafBatch, MAX_BATCH } from './leaf-batch.ts';
export { formatInclusion, type InclusionText, type LogProof, parseInclusion } from './log-proof.ts';
export { EMPTY_ROOT, hashLeaf, hashNode, splitPoint, verifyConsistency, verifyInclusion } from './merkle.ts';
export {
  ED25519_COSIGNATURE,
  ED25519_NOTE,
  formatSignature,
  formatVerifierKey,
  ML_DSA_44_COSIGNATURE,
  type Note,
  type NoteSignature,
  noteKeyId,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
} from './note.ts';
export { parseReceipt, type Receipt, type ReceiptContent, receiptSigningInput } from './receipt.ts';
export { type CollateralFile, parseReport, type Report, reportBody } from './report.ts';
export { type Signer, sealLeaf, sealReceipt, sealReceiptText } from './seal.ts';
export {
  carriesStatement,
  isNonce,
  nonceBytes,
  paddedReportData,
  resultStatementDigest,
  resultStatementText,
  statementDigest,
  statementText,
} from './statement.ts';
export { isSubtree, verifySubtreeConsistency, verifySubtreeInclusion } from './subtree.ts';
export { SUCCESSION_SALT, successionBody } from './succession.ts';
export {
  consistencyPath,
  decodeEntryBundle,
  encodeEntryBundle,
  formatTilePath,
  inclusionPath,
  type NodeMemory,
  parseTilePath,
  type RangeRoot,
  rangeRoot,
  TILE_WIDTH,
  type TileHash,
  type TilePath,
  tileHashes,
} from './tiles.ts';
export { type EventOf, eventsOf, type KnownEventType, type TypedEvent, typedEvent, type UnknownEvent } from './typed-events.ts';
export { verifyLogProof, verifyReceiptSignature } from './verify-receipt.ts';
