/** One item of a response's output, with the events that open it, add to it and close it. */

type Document = Readonly<Record<string, unknown>>;
type Kind = 'reasoning' | 'output_text' | 'refusal' | 'function_call';

export interface OpenedCall {
  /** Its place among the calls of the chat answer. */
  readonly index: number;
  readonly id: string;
  readonly name: string;
}

/** Names of the events that carry words, by kind of item. */
const EVENTS: Readonly<Record<Kind, { readonly event: string; readonly done: string }>> = {
  reasoning: { event: 'response.reasoning_text', done: 'text' },
  output_text: { event: 'response.output_text', done: 'text' },
  refusal: { event: 'response.refusal', done: 'refusal' },
  function_call: { event: 'response.function_call_arguments', done: 'arguments' },
};
const PREFIX: Readonly<Record<Kind, string>> = { reasoning: 'rs', output_text: 'msg', refusal: 'msg', function_call: 'fc' };

export class OutputItem {
  readonly kind: Kind;
  readonly #index: number;
  readonly #id: string;
  readonly #call: OpenedCall | null;
  #words = '';
  #status = 'in_progress';

  /** @param index - its place in the output. */
  constructor(kind: Kind, index: number, id: string, call: OpenedCall | null = null) {
    this.kind = kind;
    this.#index = index;
    this.#id = `${PREFIX[kind]}_${id}`;
    this.#call = call;
  }

  get callIndex(): number | null {
    return this.#call?.index ?? null;
  }

  get callId(): string | null {
    return this.#call?.id ?? null;
  }

  begin(): readonly Document[] {
    const added = { type: 'response.output_item.added', output_index: this.#index, item: this.value() };
    if (this.kind === 'function_call') return [added];
    return [added, { type: 'response.content_part.added', ...this.#place(), part: this.#part() }];
  }

  add(words: string): readonly Document[] {
    this.#words += words;
    const logprobs = this.kind === 'output_text' ? { logprobs: [] } : {};
    return [{ type: `${EVENTS[this.kind].event}.delta`, ...this.#place(), delta: words, ...logprobs }];
  }

  end(status: 'completed' | 'incomplete'): readonly Document[] {
    this.#status = status;
    const { event, done } = EVENTS[this.kind];
    const said = { type: `${event}.done`, ...this.#place(), [done]: this.#words };
    const closed = { type: 'response.output_item.done', output_index: this.#index, item: this.value() };
    if (this.#call !== null) return [{ ...said, name: this.#call.name }, closed];
    const logprobs = this.kind === 'output_text' ? { logprobs: [] } : {};
    const part = { type: 'response.content_part.done', ...this.#place(), part: this.#part() };
    return [{ ...said, ...logprobs }, part, closed];
  }

  /** The item as it stands. */
  value(): Document {
    const head = { id: this.#id, status: this.#status };
    const content = this.#words === '' && this.#status === 'in_progress' ? [] : [this.#part()];
    if (this.#call !== null) {
      const { id, name } = this.#call;
      return { ...head, type: 'function_call', call_id: id, name, arguments: this.#words };
    }
    if (this.kind === 'reasoning') return { ...head, type: 'reasoning', summary: [], content };
    return { ...head, type: 'message', role: 'assistant', content };
  }

  #part(): Document {
    if (this.kind === 'reasoning') return { type: 'reasoning_text', text: this.#words };
    if (this.kind === 'refusal') return { type: 'refusal', refusal: this.#words };
    return { type: 'output_text', text: this.#words, annotations: [], logprobs: [] };
  }

  #place(): Document {
    const content = this.kind === 'function_call' ? {} : { content_index: 0 };
    return { item_id: this.#id, output_index: this.#index, ...content };
  }
}
