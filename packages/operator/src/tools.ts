/**
 * Tools that owners registered for the model (spec/operator.md §8): the value of the variable `tools`. The agent calls them itself while it
 * answers a prompt; tools of a request are the caller's, and are only returned.
 */

import { parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { OperatorError } from './errors.ts';

/** The variable whose value is the list. */
export const TOOLS_VARIABLE = 'tools';
const MOST_TOOLS = 64;

const name = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected up to 64 letters, digits, _ and -');
const url = z
  .string()
  .max(2000)
  .regex(/^https?:\/\/[^\s]+$/, 'expected an http or https address');
const secret = z.string().max(64).optional().describe('the hidden variable whose value is sent as bearer token');

const endpointSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('http'), url, secret }),
  z.strictObject({ type: z.literal('mcp'), url, secret, tool: z.string().min(1).max(128).optional() }),
  z.strictObject({ type: z.literal('wallet'), signs: z.enum(['transaction', 'message']).default('transaction') }),
]);

const toolsSchema = z
  .array(
    z.strictObject({
      name,
      description: z.string().max(4096).default(''),
      parameters: z.record(z.string(), z.json()).describe('JSON schema of the arguments'),
      endpoint: endpointSchema,
    }),
  )
  .max(MOST_TOOLS);

/** One registered tool, defaults filled in. */
export type RegisteredTool = z.output<typeof toolsSchema>[number];
/** Where a tool's call goes. */
export type ToolEndpoint = RegisteredTool['endpoint'];

/**
 * The tools in the value of the variable; none for an empty text.
 * @throws {OperatorError} `operator/tools-malformed`.
 * @example parseTools('[{"name":"pay","parameters":{"type":"object"},"endpoint":{"type":"wallet"}}]')[0]?.name // 'pay'
 */
export function parseTools(text: string): readonly RegisteredTool[] {
  if (text === '') return [];
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw malformed(`expected JSON, got ${cause instanceof Error ? cause.message : 'another text'}`, cause);
  }
  const checked = toolsSchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw malformed(`${z.core.toDotPath(issue?.path ?? []) || 'whole'}: ${issue?.message ?? 'malformed'}`, checked.error);
  }
  const names = checked.data.map((tool) => tool.name);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) throw malformed(`expected each name once, got ${twice} twice`);
  return checked.data;
}

function malformed(why: string, cause?: unknown): OperatorError {
  return new OperatorError('operator/tools-malformed', `the variable ${TOOLS_VARIABLE}: ${why}; see docs/operator.md`, {
    cause,
  });
}
