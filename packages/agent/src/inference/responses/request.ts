/**
 * A request of OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses/create) as a chat request. What needs
 * memory or tools of the provider's own (earlier responses, conversations, hosted tools, background work) is refused by name: nothing
 * is kept between two requests here.
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { InferenceError } from '../inference-error.ts';
import { messagesOf } from './input-items.ts';
import { isObject, refused } from './refused-member.ts';

/** Members that go on under the same name. */
const SAME = [
  'temperature',
  'top_p',
  'top_logprobs',
  'parallel_tool_calls',
  'user',
  'metadata',
  'service_tier',
  'prompt_cache_key',
  'safety_identifier',
  'seed',
  'provider',
] as const;
/** Members that only a service with a memory can honour. */
const NEEDS_MEMORY = ['previous_response_id', 'conversation', 'prompt'] as const;

/**
 * The body of the chat request, with the members that were not `null`.
 * @throws {InferenceError} `invalid_request_error`, naming the member.
 */
export function chatRequestOf(
  request: JsonObject,
  maxTokensName: 'max_tokens' | 'max_completion_tokens',
): Readonly<Record<string, Json>> {
  for (const member of NEEDS_MEMORY) {
    if (given(request[member]))
      throw refused(member, 'nothing is kept between requests here; send the whole conversation as input');
  }
  if (request.background === true) throw refused('background', 'send the request in the foreground');
  const members: Readonly<Record<string, Json | undefined>> = {
    model: request.model,
    messages: messagesOf(request.instructions, request.input),
    ...Object.fromEntries(SAME.map((member) => [member, request[member]])),
    [maxTokensName]: request.max_output_tokens,
    stream: request.stream,
    stream_options: request.stream === true ? { include_usage: true } : undefined,
    logprobs: wantsLogprobs(request) ? true : undefined,
    tools: toolsOf(request.tools),
    tool_choice: toolChoiceOf(request.tool_choice),
    response_format: formatOf(isObject(request.text) ? request.text.format : undefined),
    verbosity: isObject(request.text) ? request.text.verbosity : undefined,
    reasoning_effort: isObject(request.reasoning) ? request.reasoning.effort : undefined,
  };
  return Object.fromEntries(Object.entries(members).filter((entry): entry is [string, Json] => given(entry[1])));
}

function given(value: Json | undefined): value is Json {
  return value !== undefined && value !== null;
}

function wantsLogprobs({ include, top_logprobs: top }: JsonObject): boolean {
  return given(top) || (Array.isArray(include) && include.includes('message.output_text.logprobs'));
}

function toolsOf(tools: Json | undefined): Json | undefined {
  if (!given(tools)) return undefined;
  if (!Array.isArray(tools)) throw new InferenceError(400, 'invalid_request_error', 'tools: expected a list', 'tools');
  const functions = (tools as readonly Json[]).map((tool, index): Json => {
    if (!isObject(tool) || tool.type !== 'function')
      throw refused(`tools[${index}].type`, 'only functions of your own can be offered here');
    const { type: _, ...described } = tool;
    return { type: 'function', function: Object.fromEntries(Object.entries(described).filter(([, value]) => given(value))) };
  });
  return functions.length === 0 ? undefined : functions;
}

/** `auto`, `none`, `required`, or one function by name. */
function toolChoiceOf(choice: Json | undefined): Json | undefined {
  if (!isObject(choice)) return choice;
  if (choice.type !== 'function') throw refused('tool_choice.type', 'choose auto, none, required, or a function');
  return { type: 'function', function: { name: choice.name ?? '' } };
}

function formatOf(format: Json | undefined): Json | undefined {
  if (!isObject(format) || format.type === 'text') return undefined;
  if (format.type !== 'json_schema') return format;
  const { type: _, ...schema } = format;
  return { type: 'json_schema', json_schema: schema };
}
