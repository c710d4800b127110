/**
 * What an owner reads before signing a change from a file: every field of the message, held against what the owner knows. Files come from
 * other people, and a signature serves for exactly what the message says.
 */

import type { JsonObject } from '@assay/encoding/json';
import {
  type Hex,
  hash32Schema,
  matchValue,
  OperatorError,
  type OwnerMessage,
  parseOwnerMessage,
  parseSigningPolicy,
  policyHash,
  refuseForeign,
} from '@assay/operator';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { printable } from './output.ts';

/** What the owner says about the change. */
export interface ExpectedChange {
  /** The agent that the owner signs for. */
  readonly agentId: string | undefined;
  /** The type of message that the owner means to sign. */
  readonly type: string;
}

/**
 * Shows the message of a file, and refuses what the owner did not mean.
 * @throws {CliError} `cli/bad-option` for another type, or without an agent id; {OperatorError} `operator/other-agent`, `operator/expired`,
 * `operator/value-mismatch`, `operator/message-malformed`, `operator/policy-malformed`.
 */
export function showChange(entry: JsonObject, expected: ExpectedChange, io: Io): OwnerMessage {
  const message = parseOwnerMessage(entry.message);
  const { type, fields } = message;
  io.stdout(`agent    ${fields.agentId}\n`);
  io.stdout(`type     ${type}\n`);
  for (const [name, value] of Object.entries(fields))
    if (name !== 'agentId' && name !== 'expiry') io.stdout(`${name}  ${printable(JSON.stringify(value))}\n`);
  io.stdout(`expires  ${new Date(Math.min(fields.expiry, 8_640_000_000_000) * 1000).toISOString()}\n`);
  if (type !== expected.type)
    throw new CliError(
      'cli/bad-option',
      `expected a ${printable(expected.type)}, got a ${type}; read it, and add --type ${type} to sign it`,
    );
  if (expected.agentId === undefined)
    throw new CliError(
      'cli/bad-option',
      '--agent-id is needed: the id of your agent, which assay variables list shows; compare it with the one above',
    );
  refuseForeign(fields, { agentId: expected.agentId as Hex, now: Math.floor(io.now() / 1000) });
  showContent(message, entry, io);
  return message;
}

/** The value or policy that the message names by its hash. */
function showContent(message: OwnerMessage, entry: JsonObject, io: Io): void {
  if (message.type === 'SetVariable') {
    if (typeof entry.value === 'string') {
      matchValue(message.fields, hash32Schema.safeParse(entry.salt).data ?? '0x', entry.value);
      io.stdout(`value    ${printable(JSON.stringify(entry.value))}\n`);
    } else io.stdout('value    sealed to the agent; not checked here\n');
  }
  if (message.type === 'SetPolicy' && entry.policy !== undefined) {
    const text = JSON.stringify(entry.policy);
    const hash = policyHash(parseSigningPolicy(text));
    if (hash !== message.fields.policyHash)
      throw new OperatorError(
        'operator/value-mismatch',
        `expected the policy with the hash ${message.fields.policyHash}, got one with ${hash}; ask for the policy that is to be signed`,
      );
    io.stdout(`policy   ${printable(text)}\n`);
  }
}
