/**
 * The text in an answer of `/v1/chat/completions`: OpenAI's chat completion object, whole or as server-sent events.
 * Not checked here: the receipt, which the connection settles before an answer ends.
 */

import { ClientError } from '../errors.ts';

/**
 * @throws {ClientError} `client/answer-malformed` when the answer is no chat completion with text.
 * @example await wholeAnswer(Response.json({ choices: [{ message: { content: '42' } }] })) // '42'
 */
export async function wholeAnswer(answer: Response): Promise<string> {
  const body = await answer.text();
  const text = contentOf(body, 'message');
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
    if (payload === '[DONE]') complete = true;
    else {
      const piece = contentOf(payload, 'delta') ?? '';
      text += piece;
      if (piece !== '') onText(piece);
    }
  }
  if (!complete)
    throw new ClientError('client/answer-incomplete', 'the stream ended without its end mark; do not use what arrived');
  return text;
}

/** The beginning of what the agent wrote, without line ends and other control characters. */
export function oneLine(text: string): string {
  const words = text
    .slice(0, 300)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
  return words === '' ? 'no text' : words;
}

/** The data of each event; other fields and comments are passed over. */
async function* events(answer: Response): AsyncGenerator<string> {
  if (answer.body === null) return;
  const reader = answer.body
    .pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let pending = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (pending + (value ?? '')).split('\n');
    pending = done ? '' : (lines.pop() ?? '');
    for (const line of lines) {
      const payload = line.startsWith('data:') ? line.slice(5).trim() : '';
      if (payload !== '') yield payload;
    }
    if (done) return;
  }
}

interface Completion {
  readonly choices?: readonly (Readonly<Record<string, { readonly content?: unknown } | undefined>> | undefined)[];
  readonly error?: { readonly message?: unknown };
}

/** The content of the first choice; `null` where it has none. */
function contentOf(json: string, member: 'message' | 'delta'): string | null {
  let completion: Completion | null;
  try {
    completion = JSON.parse(json) as Completion | null;
  } catch {
    throw malformed('JSON', json);
  }
  if (typeof completion !== 'object' || completion === null) throw malformed('a chat completion', json);
  if (completion.error !== undefined && completion.choices === undefined) {
    throw new ClientError(
      'client/agent-refused',
      `the agent ended its answer with an error: ${oneLine(String(completion.error?.message ?? json))}; ask again`,
    );
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
