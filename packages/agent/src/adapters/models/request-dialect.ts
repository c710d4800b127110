/**
 * The request as one endpoint and model takes it. Models refuse parameters that others need: a temperature, one of the two names of the
 * token limit, `stream_options`, a system message, streaming itself. What is refused is left out and the request made again; the
 * dialect that an endpoint understood is kept for later requests.
 */

import type { ChatMessage } from '../../ports/model.ts';
import type { ModelFault } from './model-fault.ts';

export type MaxTokensName = 'max_tokens' | 'max_completion_tokens';

/** What to send, and how. */
export interface RequestDialect {
  readonly temperature: boolean;
  /** `null`: without a limit. */
  readonly maxTokens: MaxTokensName | null;
  readonly streamOptions: boolean;
  readonly stream: boolean;
  /** `false`: the rules stand at the beginning of the first user message. */
  readonly systemRole: boolean;
}

/** What to change in a dialect. `lasting` is false where the refusal is about this request's length alone. */
export interface Adaptation {
  readonly change: Partial<RequestDialect>;
  readonly lasting: boolean;
}

export function firstDialect(maxTokens: MaxTokensName): RequestDialect {
  return { temperature: true, maxTokens, streamOptions: true, stream: true, systemRole: true };
}

export interface RequestFacts {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly temperature: number;
  readonly maxTokens: number;
}

/** The body of a chat request. Half characters in messages become U+FFFD: endpoints refuse JSON with them. */
export function requestBody(facts: RequestFacts, dialect: RequestDialect): Readonly<Record<string, unknown>> {
  const messages = dialect.systemRole ? facts.messages : withoutSystemRole(facts.messages);
  return {
    model: facts.model,
    messages: messages.map(({ role, content }) => ({ role, content: content.replace(HALF_CHARACTERS, '\uFFFD') })),
    temperature: dialect.temperature ? facts.temperature : undefined,
    [dialect.maxTokens ?? 'max_tokens']: dialect.maxTokens === null ? undefined : facts.maxTokens,
    stream: dialect.stream,
    stream_options: dialect.stream && dialect.streamOptions ? { include_usage: true } : undefined,
  };
}

const HALF_CHARACTERS = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

function withoutSystemRole(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const rules = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const others = messages.filter(({ role }) => role !== 'system');
  const first = others.findIndex(({ role }) => role === 'user');
  if (rules.length === 0) return others;
  if (first < 0) return [{ role: 'user', content: rules.join('\n\n') }, ...others];
  return others.map((message, index) =>
    index === first ? { ...message, content: [...rules, message.content].join('\n\n') } : message,
  );
}

/** Statuses with which a request's content is refused. Template errors of local servers come as 500. */
const REFUSALS = new Set([400, 405, 406, 415, 422, 500, 501]);
const REFUSING = [
  /unsupported|not support|unknown|unrecognized|invalid|extra/i,
  /not allowed|not permitted|forbidden|jinja|template|only|must/i,
];
const SYSTEM_ROLE = [
  /system[ _]?(?:role|message|prompt|instruction)/i,
  /developer (?:role|message|instruction)/i,
  /roles? must alternate|should alternate|alternate between/i,
];
const WITHOUT_STREAM = /to stream this model|stream["']? (?:must|should) be false/i;
/** What the sender is told about a parameter that is not named. */
const UNNAMED = [
  /(?:unsupported|unrecognized|unknown) (?:request )?(?:parameter|argument|field|key)/i,
  /(?:unexpected|extra|additional) (?:request )?(?:parameter|argument|field|key)/i,
  /(?:extra|additional|unknown) (?:input|propert)/i,
];
const LENGTH = /context|too (?:long|large|many)|exceed|at most|maximum/i;

/**
 * What to ask instead, when `fault` complains about something that was sent; `null` when it does not.
 * @example adaptTo(fault, dialect)?.change // { temperature: false } after "'temperature' does not support 0.3 with this model"
 */
export function adaptTo(fault: ModelFault, dialect: RequestDialect): Adaptation | null {
  const { status, said } = fault;
  if (fault.kind !== 'answered' || said === null || !(status === null || REFUSALS.has(status))) return null;
  const text = `${said.param ?? ''} ${said.raw}`;
  if ((status === null || status >= 500) && !matches(REFUSING, text)) return null;
  const lasting = (change: Partial<RequestDialect>): Adaptation => ({ change, lasting: true });
  const named = said.param === null ? null : nameIn(said.param, dialect);
  const name = named ?? nameIn(text, dialect);
  if (name === 'stream_options') return lasting({ streamOptions: false });
  if (name === 'temperature') return lasting({ temperature: false });
  if (name === 'maxTokens') return { change: { maxTokens: otherLimit(text, dialect) }, lasting: !LENGTH.test(text) };
  if (dialect.systemRole && refusesRoles(text)) return lasting({ systemRole: false });
  if (dialect.stream && refusesStreams(text)) return lasting({ stream: false });
  if (!matches(UNNAMED, text)) return null;
  if (dialect.stream && dialect.streamOptions) return lasting({ streamOptions: false });
  return dialect.temperature ? lasting({ temperature: false }) : null;
}

function matches(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}

function refusesRoles(text: string): boolean {
  return matches(SYSTEM_ROLE, text) || clauses(text, /role/gi, 45).some((clause) => /system/i.test(clause));
}

function refusesStreams(text: string): boolean {
  const refused = /not|unsupported|disabled|unavailable/i;
  return WITHOUT_STREAM.test(text) || clauses(text, /stream(?:ing|ed)?\b/gi, 75).some((clause) => refused.test(clause));
}

/** What follows each `word` in its sentence, up to `length` characters. */
function clauses(text: string, word: RegExp, length: number): readonly string[] {
  const behind = (start: number): string => text.slice(start, start + length).split('.', 1)[0] ?? '';
  return [...text.matchAll(word)].map(({ 0: found, index }) => behind(index + found.length));
}

type Refused = 'stream_options' | 'temperature' | 'maxTokens';

/** The first parameter in a text that this dialect sends. */
function nameIn(text: string, dialect: RequestDialect): Refused | null {
  const found: readonly (readonly [Refused, boolean, RegExp])[] = [
    ['stream_options', dialect.stream && dialect.streamOptions, /stream_?options|include_usage/i],
    ['temperature', dialect.temperature, /\btemperature\b/i],
    ['maxTokens', dialect.maxTokens !== null, /max_?(?:completion_?|output_?|new_?)?tokens|completion tokens|the completion/i],
  ];
  const places = found
    .filter(([, sent]) => sent)
    .map(([name, , pattern]) => ({ name, at: text.search(pattern) }))
    .filter(({ at }) => at >= 0);
  return places.sort((one, other) => one.at - other.at)[0]?.name ?? null;
}

/** The other name of the limit when the refusal asks for it; no limit when that was refused as well, or the length itself is. */
function otherLimit(text: string, { maxTokens }: RequestDialect): MaxTokensName | null {
  const other = maxTokens === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  const wanted = /unsupported|not support|unknown|unrecognized|instead|not permitted|extra/i.test(text) && !LENGTH.test(text);
  return wanted && text.includes(other) ? other : null;
}
