/** What an agent shows of its owners and what they set, once its attested keyset names the agent id that it shows. */

import type { Hex, SigningPolicy } from '@assay/operator';
import type { Agent } from '../index.ts';
import { isAttestedAgent } from '../owners/variable-change.ts';
import { agentApi } from './agent-api.ts';
import { CliError } from './errors.ts';

/** One variable, as `/api/v1/config` shows it. */
export interface ShownVariable {
  readonly name: string;
  readonly visibility: 'hidden' | 'public';
  readonly mutability: 'mutable' | 'immutable';
  /** 0: never set. */
  readonly version: number;
  readonly change_hash: Hex;
  /** Of public variables. */
  readonly value?: string | null;
}

interface Chained {
  readonly version: number;
  readonly change_hash: Hex;
}

/** Members of `GET /api/v1/config`. */
export interface OwnedConfig {
  readonly agent_id: Hex;
  readonly wallet: { readonly address: Hex | null };
  readonly manifest: { readonly variables: Readonly<Record<string, { readonly signers?: 'one' | 'threshold' }>> };
  readonly control: {
    readonly owners: Chained & { readonly addresses: readonly Hex[]; readonly threshold: number };
    readonly policy: Chained & { readonly policy_hash: Hex };
    readonly paused: Chained & { readonly paused: boolean };
  };
  /** `null`: none, nothing is signed. */
  readonly policy: SigningPolicy | null;
  readonly variables: readonly ShownVariable[];
}

/** @throws {CliError} `cli/other-agent` when the attested keyset names another agent id; those of {@link agentApi}. */
export async function ownedConfig(agent: Agent): Promise<OwnedConfig> {
  const config = await agentApi(agent).get('api/v1/config');
  const { subject } = agent.attested.keyset;
  if (!isAttestedAgent(agent.attested.keyset, config.agent_id))
    throw new CliError(
      'cli/other-agent',
      `expected the agent id of the attested keyset, ${subject ?? 'none'}, got ${String(config.agent_id)}; do not sign for this agent`,
    );
  return config as unknown as OwnedConfig;
}
