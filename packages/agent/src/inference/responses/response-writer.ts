/**
 * An answer of the chat protocol as a response of the Responses API, whole or as its events
 * (https://platform.openai.com/docs/api-reference/responses-streaming). Takes the documents of a chat answer in order, chunks or a whole one.
 *
 * Everything that says `done` comes from {@link ResponseWriter.end}: a reader who acts on a finished item must not do so before the receipt is sealed.
 */

import { utf8 } from '@assay/encoding/bytes';
import type { JsonObject } from '@assay/encoding/json';
import { OutputItem } from './output-item.ts';

type Document = Readonly<Record<string, unknown>>;

export interface ResponseFacts {
  /** The request, whose members a response repeats. */
  readonly request: JsonObject;
  /** `resp_…`. */
  readonly id: string;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Random hex for the ids of items. */
  readonly newId: () => string;
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

/** Members of a response that are those of the request, with OpenAI's defaults. */
const REPEATED: Readonly<Record<string, unknown>> = {
  instructions: null,
  max_output_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  reasoning: { effort: null, summary: null },
  service_tier: 'default',
  temperature: 1,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};

export class ResponseWriter {
  readonly #facts: ResponseFacts;
  readonly #items: OutputItem[] = [];
  #begun = false;
  #sequence = 0;
  #model: string | null = null;
  #finishReason: string | null = null;
  #error: { readonly code: string; readonly message: string } | null = null;
  #usage: Document | null = null;
  #status: Status = 'in_progress';

  constructor(facts: ResponseFacts) {
    this.#facts = facts;
  }

  /** The events that this document brings. */
  take(document: Document): Uint8Array {
    const events = this.#begin();
    if (typeof document.model === 'string' && document.model !== '') this.#model = document.model;
    if (isObject(document.usage)) this.#usage = document.usage;
    if (isObject(document.error))
      this.fail(String(document.error.code ?? 'server_error'), String(document.error.message ?? 'the upstream failed'));
    const choice = Array.isArray(document.choices) ? (document.choices[0] as unknown) : undefined;
    if (!isObject(choice)) return this.#encode(events);
    if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '') this.#finishReason = choice.finish_reason;
    const delta = isObject(choice.delta) ? choice.delta : isObject(choice.message) ? choice.message : {};
    events.push(...this.#add('reasoning', wordsOf(delta.reasoning_content ?? delta.reasoning)));
    events.push(...this.#add('output_text', wordsOf(delta.content)));
    events.push(...this.#add('refusal', wordsOf(delta.refusal)));
    for (const call of Array.isArray(delta.tool_calls) ? delta.tool_calls.filter(isObject) : [])
      events.push(...this.#addCall(call));
    return this.#encode(events);
  }

  /** What went wrong; the response ends as `failed`. */
  fail(code: string, message: string): void {
    this.#error ??= { code, message };
  }

  /** The last events. An answer without a finish reason is no answer. */
  end(): Uint8Array {
    const events = this.#begin();
    if (this.#finishReason === null) this.fail('server_error', 'the upstream ended its answer before it was whole');
    const cut = this.#finishReason === 'length' || this.#finishReason === 'content_filter';
    this.#status = this.#error !== null ? 'failed' : cut ? 'incomplete' : 'completed';
    for (const item of this.#items) events.push(...item.end(this.#status === 'completed' ? 'completed' : 'incomplete'));
    events.push({ type: `response.${this.#status}`, response: this.response() });
    return this.#encode(events);
  }

  /** The response as it stands; final after {@link end}. */
  response(): Document {
    const { request, id, createdAt } = this.#facts;
    const repeated = Object.entries(REPEATED).map(([name, initial]) => [name, request[name] ?? initial]);
    const reasons: Readonly<Record<string, string>> = { length: 'max_output_tokens', content_filter: 'content_filter' };
    return {
      id,
      object: 'response',
      created_at: createdAt,
      status: this.#status,
      background: false,
      error: this.#error,
      incomplete_details: this.#status === 'incomplete' ? { reason: reasons[this.#finishReason ?? ''] } : null,
      model: this.#model ?? request.model ?? 'default',
      output: this.#items.map((item) => item.value()),
      previous_response_id: null,
      store: false,
      ...Object.fromEntries(repeated),
      usage: this.#usage === null ? null : usageOf(this.#usage),
    };
  }

  #begin(): Document[] {
    if (this.#begun) return [];
    this.#begun = true;
    return ['response.created', 'response.in_progress'].map((type) => ({ type, response: this.response() }));
  }

  #add(kind: 'reasoning' | 'output_text' | 'refusal', words: string): readonly Document[] {
    if (words === '') return [];
    const known = this.#items.find((item) => item.kind === kind);
    const item = known ?? this.#open(new OutputItem(kind, this.#items.length, this.#facts.newId()));
    return [...(known === undefined ? item.begin() : []), ...item.add(words)];
  }

  #addCall(call: Document): readonly Document[] {
    const { index = 0, id, function: called } = call;
    const key = typeof index === 'number' ? index : 0;
    const { name, arguments: words } = isObject(called) ? called : {};
    const begun = this.#items.find(
      (item) => item.callIndex === key && (typeof id !== 'string' || id === '' || id === item.callId),
    );
    const opening = {
      index: key,
      id: typeof id === 'string' && id !== '' ? id : `call_${this.#facts.newId()}`,
      name: wordsOf(name),
    };
    const item = begun ?? this.#open(new OutputItem('function_call', this.#items.length, this.#facts.newId(), opening));
    const text = typeof words === 'string' ? words : words === undefined || words === null ? '' : JSON.stringify(words);
    return [...(begun === undefined ? item.begin() : []), ...(text === '' ? [] : item.add(text))];
  }

  #open(item: OutputItem): OutputItem {
    this.#items.push(item);
    return item;
  }

  #encode(events: readonly Document[]): Uint8Array {
    const lines = events.map((event) => {
      const numbered = { ...event, sequence_number: this.#sequence };
      this.#sequence += 1;
      return `event: ${String(event.type)}\ndata: ${JSON.stringify(numbered)}\n\n`;
    });
    return utf8(lines.join(''));
  }
}

function usageOf(usage: Document): Document {
  const inner = (holder: unknown, name: string): number =>
    isObject(holder) && typeof holder[name] === 'number' ? holder[name] : 0;
  const [input, output] = [Number(usage.prompt_tokens ?? 0), Number(usage.completion_tokens ?? 0)];
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: inner(usage.prompt_tokens_details, 'cached_tokens') },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: inner(usage.completion_tokens_details, 'reasoning_tokens') },
    total_tokens: Number(usage.total_tokens ?? input + output),
  };
}

/** A text, or the texts of parts. */
function wordsOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  return value.map((part: unknown) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
