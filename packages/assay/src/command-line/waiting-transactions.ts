/** Transactions that wait for owners: found by the hash that owners sign, and sent again with the approval (spec/operator.md §12). */

import type { Hex, OwnerMessage } from '@assay/operator';
import type { Agent } from '../index.ts';
import { parseShownTransactions, type WaitingTransaction } from '../owners/shown-agent.ts';
import { agentApi } from './agent-api.ts';
import { CliError } from './errors.ts';
import { ownedConfig } from './owned-agent.ts';

/** What waits for owners now. @throws {ClientError} `client/answer-malformed`; those of {@link agentApi}. */
export async function waitingTransactions(agent: Agent): Promise<readonly WaitingTransaction[]> {
  return parseShownTransactions(await agentApi(agent).get('api/v1/transactions')).pending;
}

/** @throws {CliError} `cli/bad-option` where none with this hash waits; those of {@link agentApi}. */
export async function waitingTransaction(agent: Agent, hash: string): Promise<WaitingTransaction> {
  const waiting = await waitingTransactions(agent);
  const found = waiting.find((each) => each.hash === hash.toLowerCase());
  if (found !== undefined) return found;
  throw new CliError(
    'cli/bad-option',
    `expected the hash of a transaction that waits for owners, got ${JSON.stringify(hash.slice(0, 80))}; assay owners show lists those that wait`,
  );
}

/**
 * The body that sends a transaction again with its approval.
 * @throws {CliError} `cli/bad-option` for one that waits no more, that carries blobs, which only its sender has, or whose chain is in no policy;
 * those of {@link agentApi}.
 */
export async function approvedRequest(
  agent: Agent,
  approval: { readonly message: Extract<OwnerMessage, { type: 'ApproveTransaction' }>; readonly signatures: readonly Hex[] },
): Promise<object> {
  const { transactionHash, chainId } = approval.message.fields;
  const { to, value, data, delegates_to: delegate, blobs } = await waitingTransaction(agent, transactionHash);
  if (blobs > 0)
    throw new CliError(
      'cli/bad-option',
      'expected a transaction without blobs, got one with them; give the file to its sender, who sends both to /api/v1/sign-transaction',
    );
  const { policy } = await ownedConfig(agent);
  const rpcUrl = policy?.chains[String(chainId)]?.rpc_urls[0];
  if (rpcUrl === undefined)
    throw new CliError(
      'cli/bad-option',
      `expected a policy that names a node of chain ${chainId}, got ${policy === null ? 'no policy' : 'one without the chain'}, so nothing was sent; set a policy with assay owners set-policy, and have the transaction asked for again`,
    );
  const transaction = { to, value, data, delegate: delegate ?? undefined };
  return { transaction, rpc_url: rpcUrl, approval };
}
