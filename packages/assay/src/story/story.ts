/**
 * A receipt in plain words, in the order it happened: asked, model, code, ran, sealed, logged. Told from what the signed events say; texts
 * come only from payloads whose hash an event names.
 *
 * Not decided here: whether any of it is authentic. The caller says so next to it.
 */

import { formatInstant } from '@assay/attestation/appraisal/instant';
import { counted } from '@assay/encoding/counted';
import { eventsOf, type Receipt, type ReceiptEvent, typedEvent } from '@assay/receipt';
import { objectIn, type PayloadOf, type Quote, quote, type StoryStep, type ToldStep, textOf, told } from './story-step.ts';
import { TASK_TITLES } from './task-titles.ts';
import { type Context, TELLERS } from './tellers.ts';

/** Where a receipt stands in a log. */
export interface StoryLog {
  readonly index: number;
  /** The signed head that covers it; `null` where none was verified. */
  readonly head: { readonly origin: string; readonly size: number; readonly witnesses: number } | null;
}

export interface StoryOptions {
  /** Texts of the steps; none by default. */
  readonly payload?: PayloadOf | undefined;
  /** `null`, the default, when the file does not show it. */
  readonly log?: StoryLog | null | undefined;
}

export interface Story {
  readonly receiptId: string;
  readonly title: string;
  readonly outcome: 'succeeded' | 'failed' | 'cancelled';
  /** Epoch milliseconds, by the enclave's clock. */
  readonly time: number;
  readonly steps: readonly StoryStep[];
}

/** Steps of one receipt, those of its seal not counted. */
const MAX_STEPS = 200;
/** Longest request that is read for what it asks, bytes; files ride in it. */
const MAX_REQUEST = 1024 * 1024;
/** Longest title. Characters. */
const MAX_TITLE = 100;

/**
 * The story of one receipt.
 * @example storyOf(receipt, { payload: (digest) => payloads.get(digest) ?? null }).steps.map(({ kind, text }) => `${kind}: ${text}`)
 */
export function storyOf(receipt: Receipt, { payload = () => null, log = null }: StoryOptions = {}): Story {
  const events = receipt.event_log;
  const asked = askedIn(receipt, payload);
  const all = events.flatMap((event, at) => stepOf(event, { payload, log: events, at }) ?? []);
  const more = all.length - MAX_STEPS;
  const steps: readonly StoryStep[] =
    more > 0 ? [...all.slice(0, MAX_STEPS), { ...told('event', `${more} more steps`), members: [] }] : all;
  const last = [sealedStep(receipt), ...(log === null ? [] : [loggedStep(log)])];
  return {
    receiptId: receipt.receipt_id,
    title: asked.title,
    outcome: outcomeOf(events),
    time: receipt.served_at * 1000,
    steps: [asked.step, ...steps, ...last],
  };
}

function stepOf(event: ReceiptEvent, context: Context): StoryStep | null {
  const typed = typedEvent(event);
  const members = membersOf(event);
  if (typed.type === 'unknown') return { ...told('event', event.type), members };
  const tell = TELLERS[typed.type] as (event: typeof typed, context: Context) => ToldStep | null;
  const step = tell(typed, context);
  return step === null ? null : { ...step, members };
}

/** What was asked for, as far as the request was kept. */
function askedIn(receipt: Receipt, payload: PayloadOf): { readonly title: string; readonly step: StoryStep } {
  const { event_log: events, method, endpoint } = receipt;
  const body = eventsOf(events, 'request.received')[0]?.body_hash;
  const kept = eventsOf(events, 'payload.kept').find(({ name }) => name === 'request')?.hash;
  const text = textOf(kept, payload, MAX_REQUEST) ?? textOf(body, payload, MAX_REQUEST);
  const task = eventsOf(events, 'task.received')[0]?.task;
  const { title, quotes } = text === null ? { title: null, quotes: [] } : requestIn(text);
  const about = events.filter(({ type }) => type === 'request.received' || type === 'task.received');
  const what = task === undefined ? `${method} ${endpoint}` : task.replace(/^ai_/, '').replaceAll('_', ' ');
  return {
    title: title ?? TASK_TITLES[String(task)] ?? what,
    step: {
      ...told('asked', 'Asked', {
        quotes,
        text: text === null ? `${what}. The request is not in this file; its hash is.` : what,
      }),
      members: about.flatMap(membersOf),
    },
  };
}

/** The words of a request, and the whole of it. */
function requestIn(text: string): { readonly title: string | null; readonly quotes: readonly Quote[] } {
  const request = objectIn(text);
  if (request === null) return { title: null, quotes: quote('Request', text, 'text', true) };
  const data = memberOf(request, 'data') ?? request;
  const last = Array.isArray(request.messages) ? memberOf({ last: request.messages.at(-1) }, 'last') : null;
  const named = wordsOf(data.title, data.description, data.command, data.code, data.path, request.query);
  const words = wordsOf(
    data.description,
    data.command,
    data.code,
    data.path,
    last?.content,
    request.query,
    request.input,
    request.prompt,
  );
  return {
    title: named === null ? null : titleOf(named),
    quotes: [
      ...quote('What was asked', words, data.code === words ? String(data.language ?? 'text') : 'text'),
      ...quote('Request', JSON.stringify(data, null, 2), 'json', true),
    ],
  };
}

function sealedStep({
  key_id: key,
  workload_keyset_digest: digest,
  signature,
  receipt_id: id,
  served_at: at,
}: Receipt): StoryStep {
  return {
    ...told('sealed', 'Sealed', {
      tone: 'pass',
      text: `${formatInstant(at * 1000)} by ${key}, by the enclave’s own clock.`,
    }),
    members: [
      ['receipt_id', id],
      ['key_id', key],
      ['workload_keyset_digest', digest],
      ['signature', signature],
    ],
  };
}

function loggedStep({ index, head }: StoryLog): StoryStep {
  if (head === null) return { ...told('logged', 'Logged', { text: `Entry ${index}.` }), members: [] };
  const { origin, size, witnesses } = head;
  const seen = witnesses === 0 ? 'No witness cosigned it.' : `${witnesses} witness${witnesses === 1 ? '' : 'es'} cosigned it.`;
  const text = `Entry ${index} of the append-only log, under a signed head of ${counted(size, 'entry', 'entries')}. ${seen}`;
  return { ...told('logged', 'Logged', { tone: 'pass', text }), members: [['origin', origin]] };
}

function outcomeOf(events: readonly ReceiptEvent[]): Story['outcome'] {
  const failed = events.find(({ type }) => type === 'task.failed');
  if (failed === undefined) return 'succeeded';
  return failed.code === 'task/cancelled' ? 'cancelled' : 'failed';
}

function membersOf({ type: _, ...members }: ReceiptEvent): readonly (readonly [string, string])[] {
  return Object.entries(members)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

function memberOf(value: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> | null {
  const member = value[name];
  return typeof member === 'object' && member !== null && !Array.isArray(member) ? (member as Record<string, unknown>) : null;
}

function wordsOf(...values: readonly unknown[]): string | null {
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '') ?? null;
}

/** The first line with words; a comment's mark is none. */
function titleOf(text: string): string | null {
  for (const line of text.slice(0, 8192).split(/[\r\n]+/)) {
    const words = line
      .replace(/^\s*(?:#+!?|\/\/+|\/\*+)/, '')
      .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
      .trim();
    if (words !== '') return words.length <= MAX_TITLE ? words : `${words.slice(0, MAX_TITLE - 1).trimEnd()}…`;
  }
  return null;
}
