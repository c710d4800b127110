/** What owners of a started agent sign in tests: policies and approvals. */

import { type Hex, type OwnerMessage, parseSigningPolicy, policyHash } from '@assay/operator';
import { expect } from 'vitest';
import { type OwnedAgent, signedBy } from './owned-agent.ts';

const expiry = (): number => Math.floor(Date.now() / 1000) + 600;

/** Puts a policy in force. */
export async function setPolicy(agent: OwnedAgent, policy: object, count = 2): Promise<void> {
  const { agent_id: agentId, control } = await agent.config();
  const { version, change_hash: previousHash } = control.policy;
  const hash = policyHash(parseSigningPolicy(JSON.stringify(policy)));
  const fields = { agentId, policyHash: hash, version: version + 1, previousHash, expiry: expiry() };
  const message: OwnerMessage = { type: 'SetPolicy', fields };
  const { status, body } = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, count), policy });
  expect([status, body]).toEqual([200, expect.anything()]);
}

/** Says that owners know what the chain has of the wallet below a nonce; for the first time on this chain. */
export async function acknowledgeState(agent: OwnedAgent, chainId: number, nonce: number): Promise<void> {
  const { agent_id: agentId } = await agent.config();
  const links = { version: 1, previousHash: `0x${'00'.repeat(32)}` as Hex, expiry: expiry() };
  const message: OwnerMessage = { type: 'AcknowledgeState', fields: { agentId, chainId, nonce, ...links } };
  const { status, body } = await agent.post('/api/v1/control', { message, signatures: await signedBy(message, 2) });
  expect([status, body]).toEqual([200, expect.anything()]);
}

/** The approval of a transaction that waits, by two owners. */
export async function approvalOf(agent: OwnedAgent, chainId: number, transactionHash: Hex): Promise<object> {
  const { agent_id: agentId } = await agent.config();
  const message: OwnerMessage = { type: 'ApproveTransaction', fields: { agentId, chainId, transactionHash, expiry: expiry() } };
  return { message, signatures: await signedBy(message, 2) };
}
