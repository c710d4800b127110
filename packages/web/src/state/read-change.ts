/** The change that another owner began, from its JSON: what an owner is about to read and sign. */

import type { Hex, OwnerMessage, ShownAgent } from 'assay/owners';
import type { OwnerChange } from './owner-change.ts';

type Given = Readonly<Record<'message' | 'signatures' | 'policy' | 'value' | 'salt' | 'sealed', unknown>>;

/**
 * Reads a change that another owner began, and holds what goes with it against what is signed. Of it stays what was compared: the policy with
 * its defaults, the value of the commitment, one signature of each owner.
 * @param now epoch seconds.
 * @throws {Error} in words for people.
 * @example const change = await readChange(pasted, owned.config, Math.floor(Date.now() / 1000));
 */
export async function readChange(text: string, config: ShownAgent, now: number): Promise<OwnerChange> {
  const { ownerMessageHash, parseOwnerMessage, refuseForeign, signersOf } = await import('../owners/index.ts');
  const given = changeIn(text);
  const message = parseOwnerMessage(given.message);
  if (message.fields.agentId !== config.agent_id)
    throw new Error(
      `This change is for another agent, ${message.fields.agentId}; this one is ${config.agent_id}. Do not sign it here.`,
    );
  refuseForeign(message.fields, { agentId: config.agent_id, now });
  const signatures = Array.isArray(given.signatures) ? given.signatures.filter(isSignature) : [];
  const signers = signersOf(ownerMessageHash(message), signatures, config.control.owners.addresses);
  return { message, signatures: [...signers.values()], ...(await contentOf(message, given)) };
}

function changeIn(text: string): Given {
  try {
    const given = JSON.parse(text) as Given | null;
    if (typeof given === 'object' && given !== null) return given;
  } catch {
    // Said below.
  }
  throw new Error(
    'Expected the JSON of a change, as the console copies it or --save of assay variables and assay owners writes it.',
  );
}

async function contentOf(
  message: OwnerMessage,
  given: Given,
): Promise<Pick<OwnerChange, 'policy' | 'value' | 'salt' | 'sealed'>> {
  const { matchContent, signedPolicy } = await import('../owners/index.ts');
  if (message.type === 'SetPolicy') return { policy: signedPolicy(message.fields.policyHash, given.policy) ?? undefined };
  if (message.type !== 'SetVariable') return {};
  const content = matchContent(message.fields, given);
  return content.form === 'sealed' ? { sealed: content.sealed } : { value: content.value, salt: content.salt };
}

function isSignature(given: unknown): given is Hex {
  return typeof given === 'string' && /^0x[0-9a-f]{130}$/.test(given);
}
