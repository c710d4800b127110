/** A change from a file, held against what its agent shows before it is sent: for this agent, in time, and signed by enough of its owners. */

import {
  type Hex,
  neededOwners,
  OperatorError,
  type OwnerMessage,
  ownerMessageHash,
  parseOwnerMessage,
  refuseForeign,
  signersOf,
} from '@assay/operator';
import type { ShownAgent } from '../owners/shown-agent.ts';
import type { ChangeFile } from './change-file.ts';

/** A message with what goes with it, and the signatures of owners. */
export interface SignedEntry {
  readonly message: OwnerMessage;
  readonly signatures: readonly Hex[];
}

/**
 * The change with one signature of each owner who signed; signatures of strangers are left out.
 * @param now epoch seconds.
 * @throws {OperatorError} `operator/message-malformed`, `operator/other-agent`, `operator/expired`, `operator/too-few-signers`.
 * @example const { signatures } = enoughSigned(await readChangeFile('change.json', io), await ownedConfig(agent), now);
 */
export function enoughSigned({ entry, signatures }: ChangeFile, shown: ShownAgent, now: number): SignedEntry {
  const message = parseOwnerMessage(entry.message);
  refuseForeign(message.fields, { agentId: shown.agent_id, now });
  const { addresses, threshold } = shown.control.owners;
  const needed = neededOwners(message, { threshold, variables: shown.manifest.variables });
  const signers = signersOf(ownerMessageHash(message), signatures, addresses);
  if (signers.size < needed) {
    const others = signatures.length - signers.size;
    const left = others === 0 ? '' : ` (${others} more count for no owner)`;
    throw new OperatorError(
      'operator/too-few-signers',
      `expected signatures of ${needed} owners, got ${signers.size}${left}; let others add theirs with assay ${message.type === 'SetVariable' ? 'variables' : 'owners'} sign`,
    );
  }
  return { ...entry, message, signatures: [...signers.values()] };
}
