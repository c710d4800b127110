/** The change that another owner began, from its JSON: what an owner is about to read and sign. */

import type { Hex, ShownAgent } from 'assay/owners';
import type { OwnerChange } from './owner-change.ts';

/**
 * Reads a change that another owner began, and holds what goes with it against the hashes that are signed.
 * @throws {Error} in words for people.
 */
export async function readChange(text: string, config: ShownAgent): Promise<OwnerChange> {
  const { matchValue, parseOwnerMessage, signedPolicy } = await import('../owners/index.ts');
  let given: Readonly<Record<'message' | 'signatures' | 'policy' | 'value' | 'salt', unknown>>;
  try {
    given = JSON.parse(text) as typeof given;
  } catch {
    throw new Error(
      'Expected the JSON of a change, as the console copies it or --save of assay variables and assay owners writes it.',
    );
  }
  const message = parseOwnerMessage(given.message);
  if (message.fields.agentId !== config.agent_id)
    throw new Error(
      `This change is for another agent, ${message.fields.agentId}; this one is ${config.agent_id}. Do not sign it here.`,
    );
  if (message.type === 'SetPolicy') signedPolicy(message.fields.policyHash, given.policy);
  if (message.type === 'SetVariable' && typeof given.value === 'string')
    matchValue(message.fields, typeof given.salt === 'string' ? (given.salt as Hex) : '0x', given.value);
  const signatures = Array.isArray(given.signatures)
    ? given.signatures.filter((each): each is Hex => typeof each === 'string')
    : [];
  return { ...given, message, signatures };
}
