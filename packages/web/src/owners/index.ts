/** What owners sign and how a policy reads: the one door to it, always opened with `import()`, because it brings the libraries of Ethereum. */

export {
  explainPolicy,
  hasWrongChecksum,
  isAttestedAgent,
  matchContent,
  neededOwners,
  ownerMessageHash,
  parseOwnerMessage,
  parseShownAgent,
  parseShownTransactions,
  parseSigningPolicy,
  policyHash,
  recoverSigner,
  refuseForeign,
  signedPolicy,
  signersOf,
  typedDataHash,
  typedDataOf,
  variableEntry,
} from 'assay/owners';
