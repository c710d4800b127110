/** What an agent shows of its owners and what they set, once its attested keyset names the agent id that it shows. */

import type { Agent } from '../index.ts';
import { parseShownAgent, type ShownAgent } from '../owners/shown-agent.ts';
import { isAttestedAgent } from '../owners/variable-change.ts';
import { agentApi } from './agent-api.ts';
import { CliError } from './errors.ts';

/**
 * What the agent shows of its owners.
 * @throws {CliError} `cli/other-agent` when the attested keyset names another agent id; {ClientError} `client/answer-malformed`; those of
 * {@link agentApi}.
 * @example const { control, policy } = await ownedConfig(agent);
 */
export async function ownedConfig(agent: Agent): Promise<ShownAgent> {
  const shown = parseShownAgent(await agentApi(agent).get('api/v1/config'));
  const { subject } = agent.attested.keyset;
  if (!isAttestedAgent(agent.attested.keyset, shown.agent_id))
    throw new CliError(
      'cli/other-agent',
      `expected the agent id of the attested keyset, ${subject ?? 'none'}, got ${shown.agent_id}; do not sign for this agent`,
    );
  return shown;
}
