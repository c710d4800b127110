/**
 * A stand-in for Ollama and its kin that speaks OpenAI's chat protocol over real HTTP, with scripted answers: good ones, slow
 * ones, errors, prose, refusals, broken streams and absurdly long lines.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the stand-in does with one request. */
export type ScriptedAnswer =
  | { readonly kind: 'text'; readonly text: string; readonly finishReason?: string; readonly delayMs?: number }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Sends the text and breaks the connection before the end. */
  | { readonly kind: 'cut'; readonly text: string }
  /** Sends the text and ends the stream without saying that it is finished. */
  | { readonly kind: 'unfinished'; readonly text: string }
  /** One line of so many bytes. */
  | { readonly kind: 'long-line'; readonly bytes: number }
  | { readonly kind: 'raw'; readonly contentType: string; readonly body: string | Uint8Array; readonly status?: number }
  /** Sends these pieces one by one, then ends the body, breaks the connection, or leaves it open. */
  | {
      readonly kind: 'wire';
      readonly pieces: readonly (string | Uint8Array)[];
      readonly ending: 'end' | 'reset' | 'open';
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Breaks the connection before the first byte. */
  | { readonly kind: 'reset' }
  /** Takes the request and never answers. */
  | { readonly kind: 'silence' };

/** A chat request as it arrived. */
export interface SeenRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bodyBytes: Uint8Array;
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly stream?: boolean;
    readonly [name: string]: unknown;
  };
}

export interface OpenAiServerOptions {
  /** Answers in order, the last one again and again; or a function of the request and its index. */
  readonly answers: readonly ScriptedAnswer[] | ((request: SeenRequest, index: number) => ScriptedAnswer);
  readonly models?: readonly string[];
  /** When set, requests without it get HTTP 401. */
  readonly apiKey?: string;
  /** Characters in each streamed piece. Default 7, so that fences and words are split. */
  readonly pieceLength?: number;
  /** Answer in one JSON document even when a stream is asked for. */
  readonly neverStream?: boolean;
}

export interface OpenAiServer {
  /** Base URL that ends in `/v1`. */
  readonly base: string;
  readonly requests: readonly SeenRequest[];
  /** Exact bytes of each reply body, in the order of the requests. */
  readonly replies: readonly Uint8Array[];
  close(): Promise<void>;
}

/** A fenced code block as models write it. */
export function fenced(language: string, code: string): ScriptedAnswer {
  return { kind: 'text', text: `\`\`\`${language}\n${code}\n\`\`\`` };
}

/** Starts a stand-in on a free port of 127.0.0.1. */
export async function startOpenAiServer(options: OpenAiServerOptions): Promise<OpenAiServer> {
  const requests: SeenRequest[] = [];
  const replies: Uint8Array[] = [];
  const server = createServer((request, response) => {
    serve(options, requests, replies, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}/v1`,
    requests,
    replies,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Where the script is played; it must suit the path that is asked. */
const PROMPT_PATHS: ReadonlySet<string> = new Set(['/v1/chat/completions', '/v1/completions', '/v1/embeddings']);

async function serve(
  options: OpenAiServerOptions,
  requests: SeenRequest[],
  replies: Uint8Array[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
    return sendError(response, 401, `Incorrect API key provided: ${request.headers.authorization ?? 'none'}`);
  }
  if (request.method === 'GET' && request.url === '/v1/models') {
    const data = (options.models ?? ['gemma3:4b']).map((id) => ({ id, object: 'model', created: 0, owned_by: 'library' }));
    return sendJson(response, 200, { object: 'list', data });
  }
  if (request.method !== 'POST' || !PROMPT_PATHS.has(request.url ?? '')) return sendError(response, 404, 'not found');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bodyBytes = new Uint8Array(Buffer.concat(chunks));
  const seen: SeenRequest = { headers: request.headers, bodyBytes, body: JSON.parse(Buffer.from(bodyBytes).toString('utf8')) };
  const index = requests.push(seen) - 1;
  const { answers } = options;
  const answer = typeof answers === 'function' ? answers(seen, index) : answers[Math.min(index, answers.length - 1)];
  if (answer === undefined) return sendError(response, 500, 'the script has no answer');
  const sent: Buffer[] = [];
  const send = (bytes: string | Uint8Array): void => {
    const buffer = Buffer.from(bytes as Uint8Array);
    sent.push(buffer);
    response.write(buffer);
  };
  await act(options, answer, seen, response, send);
  replies[index] = new Uint8Array(Buffer.concat(sent));
}

async function act(
  options: OpenAiServerOptions,
  answer: ScriptedAnswer,
  seen: SeenRequest,
  response: ServerResponse,
  send: (bytes: string | Uint8Array) => void,
): Promise<void> {
  const streaming = seen.body.stream === true && options.neverStream !== true;
  switch (answer.kind) {
    case 'silence':
      return;
    case 'error':
      for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
      return sendError(response, answer.status, answer.message ?? 'scripted error');
    case 'raw':
      response.writeHead(answer.status ?? 200, { 'content-type': answer.contentType });
      send(answer.body);
      response.end();
      return;
    case 'wire':
      return sendPieces(answer, response, send);
    case 'reset':
      response.destroy();
      return;
    case 'long-line':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      send('data: ');
      for (let left = answer.bytes; left > 0; left -= 65_536) send('x'.repeat(Math.min(left, 65_536)));
      response.end();
      return;
    case 'text':
    case 'cut':
    case 'unfinished':
      break;
  }
  if (answer.kind === 'text' && answer.delayMs !== undefined) await sleep(answer.delayMs);
  const usage = countTokens(seen, answer.text);
  const head = { id: 'chatcmpl-1', created: 0, model: seen.body.model };
  const finishReason = answer.kind === 'text' ? (answer.finishReason ?? 'stop') : null;
  if (!streaming) {
    response.writeHead(200, { 'content-type': 'application/json' });
    const message = { role: 'assistant', content: answer.text };
    send(
      JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [{ index: 0, message, finish_reason: finishReason }],
        usage,
      }),
    );
    response.end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (choices: readonly unknown[], more: object = {}): void =>
    send(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`);
  const length = options.pieceLength ?? 7;
  for (let at = 0; at < answer.text.length; at += length) {
    chunk([{ index: 0, delta: { role: 'assistant', content: answer.text.slice(at, at + length) }, finish_reason: null }]);
  }
  if (answer.kind === 'cut') {
    await sleep(20);
    response.destroy();
    return;
  }
  if (answer.kind === 'text') {
    chunk([{ index: 0, delta: {}, finish_reason: finishReason }]);
    const wantsUsage = (seen.body.stream_options as { include_usage?: boolean } | undefined)?.include_usage === true;
    if (wantsUsage) chunk([], { usage });
    send('data: [DONE]\n\n');
  }
  response.end();
}

async function sendPieces(
  { pieces, ending, headers = {} }: Extract<ScriptedAnswer, { readonly kind: 'wire' }>,
  response: ServerResponse,
  send: (bytes: string | Uint8Array) => void,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  for (const piece of pieces) {
    send(piece);
    await sleep(2); // pieces stay pieces
  }
  if (ending === 'end') response.end();
  if (ending === 'reset') response.destroy();
}

function countTokens(seen: SeenRequest, text: string): Readonly<Record<string, number>> {
  const prompt = Math.ceil(seen.body.messages.reduce((sum, message) => sum + message.content.length, 0) / 4);
  const completion = Math.ceil(text.length / 4);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: { message, type: 'error', code: null } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
