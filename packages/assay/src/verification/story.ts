/**
 * What a receipt tells, in the order it happened: asked, model, code, run, files, answered. Texts come from payloads whose hash the receipt
 * names; without the payload the step stands alone.
 *
 * Not decided here: whether any of it is authentic. The caller says so beside it.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { type EventOf, type Receipt, type TypedEvent, typedEvent } from '@assay/receipt';

/** One step for people. */
export interface StoryStep {
  /** `asked`, `model`, `code`, `ran`, `file`, `network`, `tool`, `signed`, `review`, `change`, `answered`, `failed`, or `event` for types of later versions. */
  readonly step: string;
  /** One line, of the receipt's own fields. */
  readonly text: string;
  /** What was asked, written or printed, as far as the payload is there: at most {@link MAX_QUOTE} characters. */
  readonly quote: string | null;
}

/** The bytes behind a digest (`sha256:<hex>`), `null` where they were left out. */
export type PayloadOf = (digest: string) => Uint8Array | null;

/** Characters of one quote. */
export const MAX_QUOTE = 4096;
/** Longest request that is read for what it asks, bytes. */
const MAX_REQUEST = 1024 * 1024;
/** Steps of one receipt. */
const MAX_STEPS = 200;

/**
 * @example storyOf(receipt, (digest) => payloads.get(digest) ?? null).map(({ step, text }) => `${step}: ${text}`)
 */
export function storyOf(receipt: Receipt, payload: PayloadOf = () => null): readonly StoryStep[] {
  const quote = (digest: string | null | undefined): string | null => textOf(digest, payload);
  const steps = receipt.event_log.map(typedEvent).flatMap((event) => stepOf(event, receipt, { quote, payload }));
  const more = steps.length - MAX_STEPS;
  return more > 0 ? [...steps.slice(0, MAX_STEPS), { step: 'event', text: `${more} more steps`, quote: null }] : steps;
}

interface Texts {
  readonly quote: (digest: string | null | undefined) => string | null;
  readonly payload: PayloadOf;
}

function stepOf(event: TypedEvent, receipt: Receipt, texts: Texts): readonly StoryStep[] {
  const { quote } = texts;
  const one = (step: string, text: string, said: string | null = null): readonly StoryStep[] => [{ step, text, quote: said }];
  switch (event.type) {
    case 'request.received':
      return one('asked', askedText(receipt), askedQuote(texts.payload(event.body_hash)));
    case 'model.called':
      return one('model', modelText(event));
    case 'upstream.signed':
      return one('signed', `the answer, inside its TEE, by ${event.signing_address}${event.simulated ? ' (SIMULATED)' : ''}`);
    case 'upstream.sealed':
      return one(
        'signed',
        `the way to the model was sealed to its TEE (${event.sealed})${event.simulated ? ' (SIMULATED)' : ''}`,
      );
    case 'code.proposed':
      return one('review', `${event.language} proposed${again(event.attempt)}`, quote(event.code_hash));
    case 'code.reviewed':
      return one('review', `a person said: ${event.decision}${again(event.attempt)}`);
    case 'code.generated':
      return one('code', `${event.language}, by the ${event.source}${again(event.attempt)}`, quote(event.code_hash));
    case 'code.missing':
      return one('code', `none in the reply (${event.code})${again(event.attempt)}`, quote(event.error_hash));
    case 'code.executed':
      return one('ran', ranText(event), quote(event.stdout_hash) || quote(event.stderr_hash));
    case 'tool.called':
      return one('tool', `${event.tool}: ${event.status}`);
    case 'file.read':
    case 'file.written':
    case 'file.collected':
      return one('file', `${event.type.slice(5)} ${event.path}, ${event.bytes} bytes`);
    case 'network.fetched':
      return one('network', `${event.exchanges} exchange${event.exchanges === 1 ? '' : 's'} with hosts outside`);
    case 'variable.set':
      return one('change', `variable ${event.name} set to version ${event.version}`);
    case 'variable.refused':
    case 'operator.refused':
      return one('change', `refused (${event.code})`);
    case 'owners.changed':
    case 'policy.changed':
    case 'signing.paused':
      return one('change', `${event.type.replace('.', ' ')}, version ${event.version}`);
    case 'task.completed':
      return one('answered', event.retries ? `after ${event.retries + 1} attempts` : 'at the first attempt');
    case 'task.failed':
      return one('failed', event.code, quote(event.error_hash));
    case 'task.received':
    case 'response.returned':
    case 'payload.kept':
      return []; // said by the first step and by what they carry
    case 'unknown':
      return one('event', event.event.type);
    default:
      return one('event', (event as TypedEvent).type);
  }
}

function again(attempt: number | null | undefined): string {
  return (attempt ?? 1) > 1 ? ` (attempt ${attempt})` : '';
}

function askedText({ event_log, method, endpoint }: Receipt): string {
  const task = event_log.map(typedEvent).find((event) => event.type === 'task.received');
  return task === undefined ? `${method} ${endpoint}` : task.task.replaceAll('_', ' ');
}

const PROVENANCES: Readonly<Record<string, string>> = {
  recorded: 'RECORDED: no model ran',
  unverified: 'not attested: its operator could read and change everything',
  verified: 'attested before the prompt left',
  embedded: 'inside the agent, weights named by digest',
};

function modelText(event: EventOf<'model.called'>): string {
  const standing = PROVENANCES[event.provenance] ?? event.provenance;
  const error = event.error === undefined || event.error === null ? '' : `; it failed: ${event.error}`;
  const name = event.model === event.provider ? event.model : `${event.model} by ${event.provider}`;
  return `${name}, ${standing}${again(event.attempt)}${error}`;
}

function ranText({ lane, isolation, status, exit_code: code, attempt }: EventOf<'code.executed'>): string {
  const exit = code === undefined || code === null || code === 0 ? '' : `, exit code ${code}`;
  return `in the ${lane} sandbox (isolation ${isolation}): ${status}${exit}${again(attempt)}`;
}

function textOf(digest: string | null | undefined, payload: PayloadOf): string | null {
  const bytes = digest === undefined || digest === null ? null : payload(digest);
  if (bytes === null) return null;
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_QUOTE * 4)).trimEnd();
  return text === '' ? null : shortened(text);
}

/** What a request asks: the description of a task, its code, or the last message of a conversation. */
function askedQuote(bytes: Uint8Array | null): string | null {
  if (bytes === null || bytes.length > MAX_REQUEST) return null;
  let request: Json;
  try {
    request = parseJson(decodeUtf8(bytes));
  } catch {
    return null; // a request that is no JSON asks nothing that can be quoted
  }
  const data = memberOf(request, 'data') ?? request;
  const messages = memberOf(request, 'messages');
  const last = Array.isArray(messages) ? messages.at(-1) : undefined;
  const said = [
    memberOf(data, 'description'),
    memberOf(data, 'code'),
    memberOf(last, 'content'),
    memberOf(request, 'input'),
    memberOf(request, 'prompt'),
  ];
  const text = said.find((value) => typeof value === 'string' && value !== '');
  return typeof text === 'string' ? shortened(text) : null;
}

function shortened(text: string): string {
  return text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}…` : text;
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject)[name] : undefined;
}
