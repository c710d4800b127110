/**
 * What an owner reads before signing a change from a file: every field of the message, held against what the owner knows. Files come from
 * other people, and a signature serves for exactly what the message says.
 */

import { counted } from '@assay/encoding/counted';
import type { JsonObject } from '@assay/encoding/json';
import {
  type Hex,
  hash32Schema,
  type MatchedContent,
  matchContent,
  type OwnerMessage,
  parseOwnerMessage,
  refuseForeign,
  signedPolicy,
} from '@assay/operator';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { table, wrapped } from './layout.ts';
import { printable } from './output.ts';
import { policyLines } from './owners-lines.ts';

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
  const { agentId, expiry, ...others } = fields;
  const rows = [
    ['agent', agentId],
    ['type', type],
    ...Object.entries(others).map(([name, value]) => [name, whole(typeof value === 'string' ? value : JSON.stringify(value))]),
    ['expires', new Date(Math.min(expiry, 8_640_000_000_000) * 1000).toISOString()],
  ];
  io.stdout(table(rows, { indent: '', columns: io.columns }));
  if (type !== expected.type)
    throw new CliError(
      'cli/bad-option',
      `expected a ${printable(expected.type)}, got a ${type}; read it, and add --type ${type} to sign it`,
    );
  refuseForeign(fields, { agentId: agentIdOf(expected), now: Math.floor(io.now() / 1000) });
  showContent(message, entry, io);
  return message;
}

/** Owners compare what they sign: nothing of it is cut. */
function whole(text: string): string {
  return printable(text, { full: true });
}

/** The id that the owner gave. */
function agentIdOf({ agentId }: ExpectedChange): Hex {
  if (agentId === undefined)
    throw new CliError(
      'cli/bad-option',
      '--agent-id is needed: the id of your agent, which assay variables list shows; compare it with the one above',
    );
  const parsed = hash32Schema.safeParse(agentId.toLowerCase());
  if (parsed.success) return parsed.data;
  const how = /…|\.\.\./.test(agentId) ? 'one that is cut' : `${counted(agentId.length, 'character')}`;
  throw new CliError(
    'cli/bad-option',
    `--agent-id: expected 0x and 64 hex characters, got ${how}, ${JSON.stringify(agentId.slice(0, 80))}; copy it whole from assay variables list`,
  );
}

function contentLine(visibility: 'hidden' | 'public', content: MatchedContent): string {
  if (content.form === 'clear') return `${whole(JSON.stringify(content.value))}, for everybody to read`;
  return visibility === 'public'
    ? 'sealed to the agent, so not checked here; everybody reads it once it is set'
    : 'sealed to the agent; not checked here';
}

/** The value or policy that the message names by its hash. */
function showContent(message: OwnerMessage, entry: JsonObject, io: Io): void {
  if (message.type === 'SetVariable') {
    const content = matchContent(message.fields, entry);
    io.stdout(wrapped(`value         ${contentLine(message.fields.visibility, content)}`, io.columns, 14));
  }
  if (message.type === 'ApproveTransaction')
    io.stdout('effect        sends one transaction; assay owners show says which one, under its hash\n');
  if (message.type !== 'SetPolicy') return;
  const policy = signedPolicy(message.fields.policyHash, entry.policy);
  io.stdout('effect        ends every approval of a transaction that waits\n');
  if (policy === null) io.stdout('effect        takes the policy away: nothing is signed then\n');
  else {
    const lines = JSON.stringify(entry.policy, null, 2)
      .split('\n')
      .map((line) => `  ${whole(line)}\n`);
    io.stdout(`policy\n${lines.join('')}${policyLines(policy, io)}`);
  }
}
