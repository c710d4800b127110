/** What owners sign and how a policy reads: the one door to it, always opened with `import()`, because it brings the libraries of Ethereum. */

export {
  explainPolicy,
  isAttestedAgent,
  ownerMessageHash,
  parseOwnerMessage,
  parseSigningPolicy,
  policyHash,
  recoverSigner,
  typedDataHash,
  typedDataOf,
  variableEntry,
} from 'assay/owners';
