/**
 * An OpenAI-compatible server over {@link TextModel}s, with every switch that providers turn, by intent or by mistake: another model, a mixture,
 * sampling of its own, log probabilities that are missing or wrong, rate limits, outages, false bills.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sampling, TextModel, WrittenToken } from './text-model.ts';
import { write } from './text-model.ts';

/** What is wrong with the log probabilities; `none` are served at all. */
export type LogprobFault =
  | 'none'
  | 'truncated'
  | 'rounded'
  | 'base-2'
  | 'renormalised'
  | 'mis-sorted'
  | 'not-a-number'
  | 'capped';

export interface ModelServerOptions {
  /** The model, or which one answers the request with that number, counted from 0. */
  readonly model: TextModel | ((index: number) => TextModel);
  /** In place of what the client asked for. */
  readonly sampling?: Partial<Sampling>;
  readonly logprobs?: LogprobFault;
  /** A status in place of the answer, or `reset` for a connection that breaks. */
  readonly fault?: (index: number) => number | 'reset' | null;
  /** What it calls when tools are offered; `null` for a text. Left out, it calls none. */
  readonly toolCall?: (question: string, index: number) => { readonly name: string; readonly arguments: string } | null;
  /** Added to the reported tokens of the reply. */
  readonly extraTokens?: number;
  /** The `provider` member of answers. */
  readonly provider?: string;
  readonly fingerprint?: string;
  /** Requests without it get HTTP 401. */
  readonly apiKey?: string;
  /** Left out, `/v1/completions` and `/v1/chat/completions` are there. */
  readonly paths?: readonly string[];
}

export interface ModelServer {
  /** `http://127.0.0.1:49152/v1`. */
  readonly url: string;
  /** Prompts that were asked for, faults included. */
  readonly requests: number;
  close(): Promise<void>;
}

interface Asked {
  readonly prompt?: string | readonly number[];
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly tools?: readonly object[];
  readonly max_tokens?: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly seed?: number;
  readonly logprobs?: number | boolean;
  readonly top_logprobs?: number;
}

/** @example const server = await startModelServer({ model: zoo.textModel('base', zoo.base) }); */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  let count = 0;
  const server = createServer((request, response) => {
    serve(request, response, options, () => count++).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get requests() {
      return count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: ModelServerOptions,
  next: () => number,
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const { paths = ['/v1/completions', '/v1/chat/completions'], apiKey, fault } = options;
  const path = request.url ?? '';
  if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`)
    return send(response, 401, { error: { message: 'no such key' } });
  if (path === '/v1/models') {
    const { name } = modelAt(options, 0);
    return send(response, 200, { object: 'list', data: [{ id: name, object: 'model' }] });
  }
  if (!paths.includes(path)) return send(response, 404, { error: { message: 'no such endpoint' } });
  const index = next();
  const failed = fault?.(index) ?? null;
  if (failed === 'reset') return void response.destroy();
  if (failed !== null) return send(response, failed, { error: { message: 'try again' } }, { 'retry-after': '0' });
  const asked = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Asked;
  send(response, 200, answer(path, asked, options, index));
}

function modelAt({ model }: ModelServerOptions, index: number): TextModel {
  return typeof model === 'function' ? model(index) : model;
}

function answer(path: string, asked: Asked, options: ModelServerOptions, index: number): object {
  const chat = path.endsWith('/chat/completions');
  const model = modelAt(options, index);
  const text = chat ? (asked.messages ?? []).map(({ content }) => content).join('\n') : asked.prompt;
  const call = asked.tools === undefined ? null : (options.toolCall?.(String(text), index) ?? null);
  if (call !== null) {
    const message = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: `call_${index}`, type: 'function', function: call }],
    };
    return { id: `answer-${index}`, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
  }
  const prompt = typeof text === 'string' ? model.encode(text) : [...(text ?? [])];
  const top = chat
    ? asked.logprobs === true
      ? (asked.top_logprobs ?? 0)
      : -1
    : typeof asked.logprobs === 'number'
      ? asked.logprobs
      : -1;
  const { sampling = {}, logprobs: fault, extraTokens = 0 } = options;
  const written = write(model, {
    ...{ prompt, maxTokens: asked.max_tokens ?? 16, top: Math.max(0, top), seed: asked.seed ?? index },
    ...{ temperature: asked.temperature ?? 1, topP: asked.top_p ?? 1, ...sampling },
  });
  const content = Buffer.concat(written.map(({ token }) => model.bytesOf(token))).toString('utf8');
  const shown = top < 0 || fault === 'none' ? null : logprobsOf(model, written, { chat, fault });
  const finish = written.length < (asked.max_tokens ?? 16) ? 'stop' : 'length';
  const reply = chat
    ? { index: 0, message: { role: 'assistant', content }, finish_reason: finish, logprobs: shown }
    : { index: 0, text: content, finish_reason: finish, logprobs: shown };
  const counted = written.length + extraTokens;
  const usage = { prompt_tokens: prompt.length, completion_tokens: counted, total_tokens: prompt.length + counted };
  return {
    id: `${chat ? 'chatcmpl' : 'cmpl'}-${index}`,
    object: chat ? 'chat.completion' : 'text_completion',
    created: 1_700_000_000 + index,
    model: modelAt(options, 0).name,
    ...(options.provider === undefined ? {} : { provider: options.provider }),
    ...(options.fingerprint === undefined ? {} : { system_fingerprint: options.fingerprint }),
    choices: [reply],
    usage,
  };
}

interface Shown {
  readonly chat: boolean;
  readonly fault: LogprobFault | undefined;
}

function logprobsOf(model: TextModel, written: readonly WrittenToken[], { chat, fault }: Shown): object {
  const textOf = (token: number): string => Buffer.from(model.bytesOf(token)).toString('utf8');
  const positions = written.map(({ token, logprob, top }) => ({ token, logprob, top: spoiled(top, fault) }));
  if (!chat)
    return {
      tokens: positions.map(({ token }) => textOf(token)),
      token_logprobs: positions.map(({ logprob }) => logprob),
      top_logprobs: positions.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [textOf(token), logprob]))),
    };
  const entry = ({ token, logprob }: { readonly token: number; readonly logprob: number | string }) => ({
    token: textOf(token),
    bytes: [...model.bytesOf(token)],
    logprob,
  });
  return { content: positions.map((position) => ({ ...entry(position), top_logprobs: position.top.map(entry) })) };
}

type Top = readonly { readonly token: number; readonly logprob: number }[];

function spoiled(
  top: Top,
  fault: LogprobFault | undefined,
): readonly { readonly token: number; readonly logprob: number | string }[] {
  switch (fault) {
    case 'truncated':
      return top.slice(0, 1);
    case 'rounded':
      return top.map(({ token, logprob }) => ({ token, logprob: Math.round(logprob * 100) / 100 }));
    case 'base-2':
      return top.map(({ token, logprob }) => ({ token, logprob: logprob / Math.LN2 }));
    case 'renormalised': {
      const total = Math.log(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0));
      return top.map(({ token, logprob }) => ({ token, logprob: logprob - total }));
    }
    case 'mis-sorted':
      return top.map(({ token }, index) => ({ token, logprob: top.at(-1 - index)!.logprob }));
    case 'not-a-number':
      return top.map(({ token }) => ({ token, logprob: 'NaN' }));
    case 'capped':
      return top.map(({ token }) => ({ token, logprob: 0 }));
    default:
      return top;
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
