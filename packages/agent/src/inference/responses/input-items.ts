/** The items of a Responses request as chat messages: words, pictures and files, calls of functions and what they returned. */

import type { Json, JsonObject } from '@assay/encoding/json';
import { InferenceError } from '../inference-error.ts';
import { isObject, refused } from './refused-member.ts';

interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: Json;
  readonly tool_calls?: readonly Json[];
  readonly tool_call_id?: Json;
}

/** @throws {InferenceError} `invalid_request_error` for an item that a chat cannot hold. */
export function messagesOf(instructions: Json | undefined, input: Json | undefined): Json {
  const messages: Message[] = [];
  if (typeof instructions === 'string' && instructions !== '') messages.push({ role: 'system', content: instructions });
  if (typeof input === 'string') messages.push({ role: 'user', content: input });
  else if (Array.isArray(input))
    for (const [index, item] of (input as readonly Json[]).entries()) add(messages, item, `input[${index}]`);
  else throw new InferenceError(400, 'invalid_request_error', 'input: expected a text or a list of items', 'input');
  return messages as unknown as Json;
}

function add(messages: Message[], item: Json, place: string): void {
  if (!isObject(item)) throw refused(place, 'send an object');
  const type = item.type ?? 'message';
  if (type === 'message') messages.push({ role: roleOf(item, place), content: contentOf(item.content, place) });
  else if (type === 'function_call') addCall(messages, item);
  else if (type === 'function_call_output')
    messages.push({ role: 'tool', tool_call_id: item.call_id ?? '', content: contentOf(item.output, place) });
  else if (type !== 'reasoning') throw refused(`${place}.type`, 'send messages, function calls and their outputs');
}

/** Calls of one turn belong to one message of the assistant, together with its words. */
function addCall(messages: Message[], { call_id: id = '', name = '', arguments: text = '' }: JsonObject): void {
  const call: Json = { id, type: 'function', function: { name, arguments: text } };
  const last = messages.at(-1);
  if (last?.role !== 'assistant') messages.push({ role: 'assistant', content: null, tool_calls: [call] });
  else messages.splice(-1, 1, { ...last, tool_calls: [...(last.tool_calls ?? []), call] });
}

function roleOf({ role }: JsonObject, place: string): Message['role'] {
  if (role === 'developer') return 'system';
  if (role === 'system' || role === 'user' || role === 'assistant') return role;
  throw refused(`${place}.role`, 'use user, assistant, system or developer');
}

/** Words alone become a text, which every endpoint takes. */
function contentOf(content: Json | undefined, place: string): Json {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw refused(`${place}.content`, 'send a text or a list of parts');
  const parts = (content as readonly Json[]).map((part, index) => partOf(part, `${place}.content[${index}]`));
  return parts.every((part) => part.type === 'text') ? parts.map(({ text }) => text).join('') : (parts as Json);
}

function partOf(part: Json, place: string): JsonObject & { readonly type: string } {
  if (!isObject(part)) throw refused(place, 'send an object');
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: part.text ?? '' };
    case 'refusal':
      return { type: 'text', text: part.refusal ?? '' };
    case 'input_image':
      if (typeof part.image_url !== 'string') throw refused(`${place}.file_id`, 'send the picture as image_url');
      return { type: 'image_url', image_url: { url: part.image_url, ...(part.detail == null ? {} : { detail: part.detail }) } };
    case 'input_file':
      if (typeof part.file_data !== 'string') throw refused(`${place}.file_id`, 'send the file as file_data');
      return { type: 'file', file: { filename: part.filename ?? 'file', file_data: part.file_data } };
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio ?? {} };
    default:
      throw refused(`${place}.type`, 'send text, pictures, files or audio');
  }
}
