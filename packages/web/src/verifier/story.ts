/**
 * A receipt in plain words: asked, model, code, run, sealed, logged. Told from what the signed events say; texts only from payloads whose
 * hash an event names.
 *
 * Not checked here: anything. Tell stories of verified receipts.
 */

import {
  type EventOf,
  type KeptPayload,
  type KnownEventType,
  type Receipt,
  type ReceiptEvent,
  typedEvent,
} from '@assay/receipt';

export type StoryKind =
  | 'asked'
  | 'model'
  | 'code'
  | 'run'
  | 'file'
  | 'network'
  | 'ended'
  | 'answered'
  | 'sealed'
  | 'logged'
  | 'other';

/** A text of the step: what was asked, the code, what it printed. */
export interface Quote {
  readonly label: string;
  readonly text: string;
  readonly language: string;
}

export interface StoryStep {
  readonly kind: StoryKind;
  readonly title: string;
  /** One or two sentences; may be empty. */
  readonly text: string;
  readonly tone: 'plain' | 'pass' | 'fail' | 'open';
  readonly quotes: readonly Quote[];
  /** Everything the event says, by member; hashes among them. */
  readonly members: readonly (readonly [name: string, value: string])[];
}

export interface Story {
  readonly receiptId: string;
  readonly title: string;
  readonly outcome: 'succeeded' | 'failed' | 'cancelled';
  /** Epoch milliseconds, by the enclave's clock. */
  readonly time: number;
  readonly steps: readonly StoryStep[];
}

export interface Told {
  readonly receipt: Receipt;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly payloads: readonly (KeptPayload & { readonly content: Uint8Array | null })[];
  /** Where it stands in the log; `null` when the file does not show it. */
  readonly log: { readonly origin: string; readonly size: number; readonly index: number; readonly witnesses: number } | null;
}

type Texts = (hash: unknown) => string | null;
type Step = Omit<StoryStep, 'members'>;
type Teller<Type extends KnownEventType> = (event: EventOf<Type>, texts: Texts) => Step | null;

const MAX_TEXT = 20_000; // characters; the bundle has the rest

/** @example storyOf({ receipt, time: receipt.served_at * 1000, payloads: [], log: null }).steps[0]?.title // 'Asked' */
export function storyOf(told: Told): Story {
  const { receipt, time, payloads, log } = told;
  const texts = textsOf(payloads);
  const events = receipt.event_log;
  const asked = requestOf(payloads);
  const steps = events.flatMap((event) => stepOf(event, texts) ?? []);
  const last = [sealedStep(receipt, time), ...(log === null ? [] : [loggedStep(log)])];
  const task = events.find(({ type }) => type === 'task.received')?.task;
  return {
    receiptId: receipt.receipt_id,
    title: asked?.title ?? TASK_TITLES[String(task)] ?? String(task ?? 'Work'),
    outcome: outcomeOf(events),
    time,
    steps: [askedStep(receipt, asked), ...steps, ...last],
  };
}

const TASK_TITLES: Readonly<Record<string, string>> = {
  'chat-completion': 'Question to the model',
  inference: 'Question to the model',
  talk: 'Question to the model',
};

const TELLERS: { readonly [Type in KnownEventType]?: Teller<Type> } = {
  'model.called': ({ model, provider, provenance, attempt, error, finish_reason: finish }) => ({
    ...plain('model', `${round('Asked the model', attempt)}`),
    tone: error === null || error === undefined ? 'plain' : 'fail',
    text: [
      provider === 'recorded' ? 'A recorded transcript answered.' : `${model}, through ${provider}.`,
      error === null || error === undefined ? '' : `It gave no answer: ${error}.`,
      finish === 'length' ? 'The answer was cut off at its longest.' : '',
      PROVENANCES[provenance] ?? '',
    ]
      .filter((sentence) => sentence !== '')
      .join(' '),
  }),
  'upstream.signed': ({ simulated }) => ({
    ...plain('model', 'The model service signed its answer'),
    tone: simulated ? 'open' : 'pass',
    text: `Its attested key covers exactly the bytes sent and received.${simulated ? ' Its TEE is a simulator.' : ''}`,
  }),
  'upstream.sealed': ({ simulated }) => ({
    ...plain('model', 'The exchange with the model service was sealed'),
    tone: simulated ? 'open' : 'pass',
    text: `Only its attested key could open it.${simulated ? ' Its TEE is a simulator.' : ''}`,
  }),
  'code.generated': ({ language, code_hash: hash, source, attempt }, texts) => ({
    ...plain('code', round(source === 'model' ? 'The model wrote code' : 'The client brought code', attempt)),
    text: texts(hash) === null ? `${languageName(language)}. Its text is not in this file; its hash is.` : '',
    quotes: quote(languageName(language), texts(hash), language),
  }),
  'code.missing': ({ attempt, code, error_hash: hash }, texts) => ({
    ...plain('code', round('The model wrote no code', attempt)),
    tone: 'fail',
    text: code,
    quotes: quote('What was wrong', texts(hash), 'text'),
  }),
  'code.executed': (event, texts) => ({
    ...plain('run', round('Ran it in the sandbox', event.attempt)),
    tone: event.status === 'ok' ? 'pass' : 'fail',
    text: `Lane ${event.lane}, isolation ${event.isolation}. ${endOf(event)}`,
    quotes: [
      ...quote('Output', texts(event.stdout_hash), 'text'),
      ...quote('Standard error', texts(event.stderr_hash), 'text'),
      ...quote('What the model was shown', texts(event.error_hash), 'text'),
    ],
  }),
  'tool.called': ({ tool, status }) => ({ ...plain('other', `Called the tool ${tool}`), text: `It ended ${status}.` }),
  'file.read': ({ path, bytes }) => ({ ...plain('file', `Read ${path}`), text: sized(bytes) }),
  'file.written': ({ path, bytes }) => ({ ...plain('file', `Wrote ${path}`), text: sized(bytes) }),
  'file.collected': ({ path, bytes, media_type: type }) => ({
    ...plain('file', `The code left ${path}`),
    text: `${type}, ${sized(bytes)}`,
  }),
  'network.fetched': ({ exchanges }) => ({
    ...plain('network', 'The code used the network'),
    text: `${exchanges} exchange${exchanges === 1 ? '' : 's'}, through the host, recorded.`,
  }),
  'task.completed': ({ retries }) => ({
    ...plain('ended', 'Finished'),
    tone: 'pass',
    text: retries ? `After ${retries} ${retries === 1 ? 'retry' : 'retries'}.` : '',
  }),
  'task.failed': ({ code, error_hash: hash }, texts) => ({
    ...plain('ended', code === 'task/cancelled' ? 'Cancelled' : 'Failed'),
    tone: code === 'task/cancelled' ? 'open' : 'fail',
    text: code,
    quotes: quote('Why', texts(hash), 'text'),
  }),
  'response.returned': () => ({ ...plain('answered', 'Answered'), text: 'The receipt holds the hash of the whole answer.' }),
  'request.received': () => null,
  'task.received': () => null,
  'payload.kept': () => null,
};

const PROVENANCES: Readonly<Record<string, string>> = {
  unverified: 'It was not attested: its operator could read and change everything.',
  recorded: 'No model ran for this.',
  attested: 'Its TEE was verified before the prompt left.',
  embedded: 'It ran inside this agent, from a file whose digest is signed here.',
};

function stepOf(event: ReceiptEvent, texts: Texts): StoryStep | null {
  const typed = typedEvent(event);
  if (typed.type === 'unknown') return { ...plain('other', event.type), members: membersOf(event) };
  const tell = TELLERS[typed.type] as ((event: typeof typed, texts: Texts) => Step | null) | undefined;
  const step = tell === undefined ? plain('other', event.type) : tell(typed, texts);
  return step === null ? null : { ...step, members: membersOf(event) };
}

interface Asked {
  readonly title: string | null;
  readonly quotes: readonly Quote[];
}

/** The request as the receipt kept it. */
function requestOf(payloads: Told['payloads']): Asked | null {
  const kept = payloads.find(({ name }) => name === 'request');
  const text = kept?.content == null ? null : textIn(kept.content);
  if (text === null) return null;
  try {
    const json = JSON.parse(text) as { readonly data?: Readonly<Record<string, unknown>>; readonly query?: unknown };
    const { data = {} } = json;
    const words = [data.title, data.description, data.command, data.code, data.path, json.query].find(
      (value): value is string => typeof value === 'string' && value.trim() !== '',
    );
    return {
      title: words === undefined ? null : firstLine(words),
      quotes: quote('Request', JSON.stringify(data, null, 2), 'json'),
    };
  } catch {
    return { title: null, quotes: quote('Request', text, 'text') };
  }
}

function askedStep({ event_log: events, endpoint }: Receipt, asked: Asked | null): StoryStep {
  const about = events.filter(({ type }) => type === 'request.received' || type === 'task.received');
  return {
    ...plain('asked', 'Asked'),
    text: asked?.title ?? `At ${endpoint}. The request is not in this file; its hash is.`,
    quotes: asked?.quotes ?? [],
    members: about.flatMap(membersOf),
  };
}

function sealedStep(
  { key_id: key, workload_keyset_digest: digest, signature, receipt_id: id }: Receipt,
  time: number,
): StoryStep {
  return {
    ...plain('sealed', 'Sealed'),
    tone: 'pass',
    text: `The attested key signed this receipt on ${new Date(time).toLocaleString()}, by the enclave’s own clock.`,
    members: [
      ['receipt_id', id],
      ['key_id', key],
      ['workload_keyset_digest', digest],
      ['signature', signature],
    ],
  };
}

function loggedStep({ origin, size, index, witnesses }: NonNullable<Told['log']>): StoryStep {
  const seen = witnesses === 0 ? 'No witness cosigned it.' : `${witnesses} witness${witnesses === 1 ? '' : 'es'} cosigned it.`;
  return {
    ...plain('logged', 'Logged'),
    tone: 'pass',
    text: `Entry ${index} of the append-only log, under a signed head of ${size} entries. ${seen}`,
    members: [['origin', origin]],
  };
}

function outcomeOf(events: readonly ReceiptEvent[]): Story['outcome'] {
  const failed = events.find(({ type }) => type === 'task.failed');
  if (failed === undefined) return 'succeeded';
  return failed.code === 'task/cancelled' ? 'cancelled' : 'failed';
}

function plain(kind: StoryKind, title: string): Step {
  return { kind, title, text: '', tone: 'plain', quotes: [] };
}

function round(title: string, attempt: number | null | undefined): string {
  return attempt && attempt > 1 ? `${title}, attempt ${attempt}` : title;
}

function endOf({ status, exit_code: code }: EventOf<'code.executed'>): string {
  if (status === 'ok') return 'It ended well.';
  return code === null || code === undefined ? `It ended with ${status}.` : `It ended with ${status}, exit code ${code}.`;
}

function quote(label: string, text: string | null, language: string): readonly Quote[] {
  if (text === null || text.trim() === '') return [];
  return [{ label, text: text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n… (the bundle has the rest)` : text, language }];
}

function textsOf(payloads: Told['payloads']): Texts {
  return (hash) => {
    const content = payloads.find((payload) => payload.hash === hash)?.content;
    return content == null ? null : textIn(content);
  };
}

/** `null` for bytes that are no text. */
function textIn(content: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return null;
  }
}

function membersOf({ type: _, ...members }: ReceiptEvent): readonly (readonly [string, string])[] {
  return Object.entries(members)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

function firstLine(text: string): string {
  const line = text.trim().split('\n', 1)[0]?.trim() ?? '';
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

function languageName(language: string): string {
  return { python: 'Python', javascript: 'JavaScript', shell: 'Shell' }[language] ?? language;
}

function sized(bytes: number): string {
  return `${bytes.toLocaleString()} byte${bytes === 1 ? '' : 's'}`;
}
