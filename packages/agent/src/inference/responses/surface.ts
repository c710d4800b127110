/** `/v1/responses` over the upstream's chat endpoint: the same verification, the same forwarding, the same receipt. */

import { isEndMark } from '@assay/channel';
import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { type EventStreamPart, EventStreamReader } from '@assay/encoding/event-stream';
import { type JsonObject, parseLooseJson } from '@assay/encoding/json';
import { ServerError } from '../../errors.ts';
import { type PromptRequest, readConstrained } from '../constraints.ts';
import type { StreamTranslation, Surface } from '../surface.ts';
import { chatRequestOf } from './request.ts';
import { ResponseWriter } from './response-writer.ts';

export interface ResponsesOptions {
  /** As the provider names the limit of a chat answer. */
  readonly maxTokensName: 'max_tokens' | 'max_completion_tokens';
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Random hex, 32 digits. */
  readonly newId: () => string;
}

const MAX_EVENT_BYTES = 16 * 1024 * 1024;

interface ResponsesPrompt extends PromptRequest {
  readonly request: JsonObject;
}

export function responsesSurface(options: ResponsesOptions): Surface {
  const writerFor = (prompt: PromptRequest): ResponseWriter =>
    new ResponseWriter({
      request: (prompt as ResponsesPrompt).request,
      id: `resp_${options.newId()}`,
      createdAt: Math.floor(options.now() / 1000),
      newId: options.newId,
    });
  return {
    upstreamPath: '/v1/chat/completions',
    read: (body): ResponsesPrompt => {
      const { request, ...prompt } = readConstrained(body, (found) => chatRequestOf(found, options.maxTokensName));
      return { ...prompt, request };
    },
    streams: ({ stream }) => stream,
    whole(received, prompt, contentType) {
      const writer = writerFor(prompt);
      const events = /^text\/event-stream\b/i.test(contentType) ? ofEvents(writer, received) : ofDocument(writer, received);
      const all = joinBytes([events, writer.end()]);
      if (prompt.stream) return { bytes: all, contentType: 'text/event-stream' };
      return { bytes: utf8(JSON.stringify(writer.response())), contentType: 'application/json' };
    },
    stream: (prompt) => translation(writerFor(prompt)),
  };
}

function translation(writer: ResponseWriter): StreamTranslation {
  const reader = new EventStreamReader(MAX_EVENT_BYTES);
  const take = (parts: readonly EventStreamPart[]): Uint8Array => joinBytes(parts.map((part) => takePart(writer, part)));
  return {
    keeps: true,
    push: (piece) => take(reader.push(piece)),
    end: () => joinBytes([take(reader.end()), writer.end()]),
    failure: ({ code, message }) => {
      writer.fail(code, message);
      return writer.end();
    },
  };
}

/** Comments keep the line open for the client as well. */
function takePart(writer: ResponseWriter, { bytes, event }: EventStreamPart): Uint8Array {
  if (event === null) return bytes[0] === 0x3a ? bytes : new Uint8Array(0);
  const data = event.lines.join('\n');
  if (isEndMark(data) || !data.trimStart().startsWith('{')) return new Uint8Array(0);
  return writer.take(documentIn(data));
}

function ofEvents(writer: ResponseWriter, received: Uint8Array): Uint8Array {
  const reader = new EventStreamReader(MAX_EVENT_BYTES);
  return joinBytes([...reader.push(received), ...reader.end()].map((part) => takePart(writer, part)));
}

function ofDocument(writer: ResponseWriter, received: Uint8Array): Uint8Array {
  const document = documentIn(new TextDecoder().decode(received));
  if (!Array.isArray(document.choices)) throw noAnswer();
  return writer.take(document);
}

function documentIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseLooseJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Falls through to the one error below.
  }
  throw noAnswer();
}

function noAnswer(): ServerError {
  return new ServerError('model/bad-reply', 'expected a chat completion from the upstream, got something else; ask again');
}
