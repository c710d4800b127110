/** What owners of an agent sign and read, for programs and pages. Pure but for randomness: no network. */

export {
  amountOf,
  coinsOf,
  type ExplainedPolicy,
  type ExplainedRule,
  explainPolicy,
  type Hex,
  hasWrongChecksum,
  matchContent,
  neededOwners,
  type OwnerMessage,
  ownerMessageHash,
  parseOwnerMessage,
  parseSigningPolicy,
  policyHash,
  recoverSigner,
  refuseForeign,
  type SigningPolicy,
  signedPolicy,
  signersOf,
  typedDataHash,
  typedDataOf,
} from '@assay/operator';
export { type ControlPlace, ownersMessage, type PolicyEntry, pauseMessage, policyEntry } from './control-change.ts';
export {
  type ListedTransaction,
  parseShownAgent,
  parseShownTransactions,
  type ShownAgent,
  type ShownTransactions,
  type ShownVariable,
  type WaitingTransaction,
} from './shown-agent.ts';
export { isAttestedAgent, type VariableChange, type VariableEntry, variableEntry } from './variable-change.ts';
