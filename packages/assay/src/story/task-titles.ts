/** What kinds of work are called in lists and stories (`task` of a receipt, spec/receipt.md). */

/** By the receipt's `task`; kinds of tasks that run code are named by what was asked. */
export const TASK_TITLES: Readonly<Record<string, string>> = {
  'chat-completion': 'Question to the model',
  inference: 'Question to the model',
  talk: 'Question to the model',
  model_profile: 'Model loaded',
  fleet: 'Agents of the log',
  log_loss: 'Loss of entries acknowledged',
  api_keys: 'API keys changed',
  erasure: 'Payloads erased',
  data_key: 'Data key replaced',
  version_floor: 'Oldest version set',
  attested_audit: 'Audit of contracts',
  attested_build: 'Build of contracts',
  variable_change: 'Variables set by owners',
  operator_change: 'Policy, pause or owners changed',
  signature: 'Signature of the wallet',
  transaction: 'Transaction of the wallet',
  transaction_outcome: 'Outcome of a transaction',
  prompt: 'Question to the model',
  clock: 'Clocks compared',
};
