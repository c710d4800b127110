/**
 * The text in an answer of `/v1/chat/completions`: OpenAI's chat completion object, whole or as server-sent events.
 * Not checked here: the receipt, which the connection settles before an answer ends.
 */

import { isEndMark, readPieces } from '@assay/channel';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type EventStreamPart, EventStreamReader } from '@assay/encoding/event-stream';
import { parseLooseJson } from '@assay/encoding/json';
import { ClientError } from '../errors.ts';
import { contentOf, MAX_ANSWER_BYTES } from './answer-content.ts';
import { oneLine, withAdvice } from './one-line.ts';

const END_MARK = '[DONE]';
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * @throws {ClientError} `client/answer-malformed` when the answer is no chat completion with text.
 * @example await wholeAnswer(Response.json({ choices: [{ message: { content: '42' } }] })) // '42'
 */
export async function wholeAnswer(answer: Response): Promise<string> {
  const body = decodeUtf8(await contentOf(answer, MAX_ANSWER_BYTES));
  const text = textOf(body, 'message');
  if (text === null) throw malformed('text in choices[0].message.content', body);
  return text;
}

/**
 * @param onText called with each piece as it arrives.
 * @returns all pieces together.
 * @throws {ClientError} `client/answer-incomplete` without `[DONE]`, `client/answer-malformed` for an event that is no chunk,
 * `client/agent-refused` when the agent reports an error in the middle.
 */
export async function streamedAnswer(answer: Response, onText: (text: string) => void): Promise<string> {
  let text = '';
  let complete = false;
  for await (const payload of events(answer)) {
    if (payload === END_MARK) complete = true;
    else {
      const piece = textOf(payload, 'delta') ?? '';
      text += piece;
      if (piece !== '') onText(piece);
    }
  }
  if (!complete)
    throw new ClientError('client/answer-incomplete', 'the stream ended without its end mark; do not use what arrived');
  return text;
}

/** The data of each event up to the end mark; what stands behind it is no part of the answer. The body is read to its end all the same. */
async function* events(answer: Response): AsyncGenerator<string> {
  if (answer.body === null) return;
  const reader = new EventStreamReader(MAX_EVENT_BYTES);
  let ended = false;
  const payloads = function* (parts: readonly EventStreamPart[]): Generator<string> {
    for (const { event } of parts) {
      const payload = ended || event === null ? '' : event.lines.join('\n').trim();
      if (payload === '') continue;
      ended = isEndMark(payload);
      yield ended ? END_MARK : payload;
    }
  };
  for await (const piece of readPieces(answer.body)) yield* payloads(reader.push(piece));
  yield* payloads(reader.end());
}

interface Completion {
  readonly choices?: readonly (Readonly<Record<string, { readonly content?: unknown } | undefined>> | undefined)[];
  readonly error?: { readonly message?: unknown };
}

/** The content of the first choice; `null` where it has none. */
function textOf(json: string, member: 'message' | 'delta'): string | null {
  let completion: Completion | null;
  try {
    completion = parseLooseJson(json) as Completion | null;
  } catch {
    throw malformed('JSON', json);
  }
  if (typeof completion !== 'object' || completion === null) throw malformed('a chat completion', json);
  if (completion.error !== undefined && completion.choices === undefined) {
    const { said, advice } = withAdvice(String(completion.error?.message ?? json), 'ask again');
    throw new ClientError('client/agent-refused', `the agent ended its answer with an error: ${said}; ${advice}`);
  }
  const content = completion.choices?.[0]?.[member]?.content;
  return typeof content === 'string' ? content : null;
}

function malformed(expected: string, got: string): ClientError {
  return new ClientError(
    'client/answer-malformed',
    `expected ${expected} from the agent, got ${oneLine(got)}; report it to its operator`,
  );
}
