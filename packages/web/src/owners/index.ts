/** What owners sign and how a policy reads: the one door to it, always opened with `import()`, because it brings the libraries of Ethereum. */

export {
  explainPolicy,
  isAttestedAgent,
  matchValue,
  ownerMessageHash,
  parseOwnerMessage,
  parseShownAgent,
  parseShownTransactions,
  parseSigningPolicy,
  policyHash,
  recoverSigner,
  signedPolicy,
  typedDataHash,
  typedDataOf,
  variableEntry,
} from 'assay/owners';
