/** One step of a task, as an agent tells it (spec/http-api.md §4): a union by `type`, and the narrowing of what came over the line. */

import { type Json, parseLooseJson } from '@assay/encoding/json';
import { ClientError } from '../errors.ts';

/** Where a task stands. */
export type TaskStatus = (typeof STATUSES)[number];

const STATUSES = ['queued', 'running', 'review', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;

/** What every step has. */
interface StepBase {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** Epoch milliseconds by the agent's clock. */
  readonly at: number;
}

/** A step of one attempt, which counts from 1. */
interface AttemptStep extends StepBase {
  readonly attempt: number;
}

export interface AcceptedStep extends StepBase {
  readonly type: 'accepted';
  /** The type of the task. */
  readonly task: string;
  readonly receipt_id: string;
  readonly title: string;
}

export interface QueuedStep extends StepBase {
  readonly type: 'queued';
  /** Tasks that wait before this one. */
  readonly ahead: number;
}

export interface WritingStep extends AttemptStep {
  readonly type: 'writing';
  readonly model: string;
  readonly provider: string;
  /** A transcript answers, no model runs. */
  readonly recorded: boolean;
}

/** Text that comes piece by piece: the model's words, or the output of the program. */
export interface StreamStep extends AttemptStep {
  readonly type: 'text' | 'stdout' | 'stderr';
  readonly text: string;
}

export interface CodeStep extends AttemptStep {
  readonly type: 'code';
  readonly language: string;
  readonly code: string;
  /** Who wrote it: `model` or `client`. */
  readonly source: string;
}

export interface ReviewStep extends AttemptStep {
  readonly type: 'review';
  readonly language: string;
  /** Of the code that waits; the decision must name it. */
  readonly code_hash: string;
  /** Epoch milliseconds by the agent's clock, when the review ends by itself; `null` when the step is told again later. */
  readonly expires_at: number | null;
}

export interface ReviewedStep extends AttemptStep {
  readonly type: 'reviewed';
  /** `run`, `edited`, `discarded` or `expired`. */
  readonly decision: string;
}

export interface RunningStep extends AttemptStep {
  readonly type: 'running';
  readonly language: string;
  readonly lane: string;
}

/** What follows of this stream is not shown here; the result has all of it. */
export interface OmittedStep extends AttemptStep {
  readonly type: 'omitted';
  /** `text`, `stdout` or `stderr`. */
  readonly stream: string;
}

export interface ArtifactStep extends AttemptStep {
  readonly type: 'artifact';
  readonly path: string;
  readonly bytes: number;
  readonly media_type: string;
}

export interface LimitStep extends AttemptStep {
  readonly type: 'limit';
  readonly limit: string;
  readonly message: string;
}

export interface ExecutedStep extends AttemptStep {
  readonly type: 'executed';
  /** `ok`, or how it ended. */
  readonly status: string;
  readonly error: string | null;
}

export interface RetryStep extends AttemptStep {
  readonly type: 'retry';
  readonly reason: string;
}

export interface CompilingStep extends StepBase {
  readonly type: 'compiling';
  readonly compiler: string;
  readonly sources: number;
}

export interface CompiledStep extends StepBase {
  readonly type: 'compiled';
  readonly contracts: number;
  readonly errors: number;
}

export interface SealingStep extends StepBase {
  readonly type: 'sealing';
}

export interface LoggedStep extends StepBase {
  readonly type: 'logged';
  readonly receipt_id: string;
  readonly log_index: number;
}

/** The last one. */
export interface DoneStep extends StepBase {
  readonly type: 'done';
  readonly success: boolean;
  readonly status: TaskStatus;
  /** Its code in docs/errors.md; `null` for a success. */
  readonly error: string | null;
}

/** A step of an agent that is newer than this package. */
export interface UnknownStep extends StepBase {
  readonly type: 'unknown';
  /** The agent's word for it. */
  readonly name: string;
}

/** `type` says which members it has. Steps are for people to watch: what counts is the receipt. */
export type TaskStep = KnownStep | UnknownStep;

type KnownStep =
  | AcceptedStep
  | QueuedStep
  | WritingStep
  | StreamStep
  | CodeStep
  | ReviewStep
  | ReviewedStep
  | RunningStep
  | OmittedStep
  | ArtifactStep
  | LimitStep
  | ExecutedStep
  | RetryStep
  | CompilingStep
  | CompiledStep
  | SealingStep
  | LoggedStep
  | DoneStep;

type Holds = (value: Json | undefined) => boolean;

const text: Holds = (value) => typeof value === 'string';
const count: Holds = (value) => Number.isSafeInteger(value);
const flag: Holds = (value) => typeof value === 'boolean';
const textOrNull: Holds = (value) => value === null || text(value);
const countOrNull: Holds = (value) => value === null || count(value);
const attempt = count;
const status: Holds = (value) => STATUSES.some((known) => known === value);
const stream = { attempt, text };

/** The members of each step. The type of this table holds it to the union above. */
const MEMBERS: {
  readonly [Type in KnownStep['type']]: Readonly<Record<Exclude<keyof StepOf<Type>, keyof StepBase | 'type'>, Holds>>;
} = {
  accepted: { task: text, receipt_id: text, title: text },
  queued: { ahead: count },
  writing: { attempt, model: text, provider: text, recorded: flag },
  text: stream,
  stdout: stream,
  stderr: stream,
  code: { attempt, language: text, code: text, source: text },
  review: { attempt, language: text, code_hash: text, expires_at: countOrNull },
  reviewed: { attempt, decision: text },
  running: { attempt, language: text, lane: text },
  omitted: { attempt, stream: text },
  artifact: { attempt, path: text, bytes: count, media_type: text },
  limit: { attempt, limit: text, message: text },
  executed: { attempt, status: text, error: textOrNull },
  retry: { attempt, reason: text },
  compiling: { compiler: text, sources: count },
  compiled: { contracts: count, errors: count },
  sealing: {},
  logged: { receipt_id: text, log_index: count },
  done: { success: flag, status, error: textOrNull },
};

type StepOf<Type extends KnownStep['type']> =
  Extract<KnownStep, { readonly type: Type }> extends never ? StreamStep : Extract<KnownStep, { readonly type: Type }>;

/**
 * The step in the text of one event. One that this package does not know comes out as `unknown`.
 * @throws {ClientError} `client/answer-malformed` for text that is no step, or a step without its members.
 * @example parseStep('{"type":"queued","sequence":2,"at":1790000000000,"ahead":1}') // { type: 'queued', … }
 */
export function parseStep(data: string): TaskStep {
  const step = membersIn(data);
  const { type, sequence, at } = step ?? {};
  if (step === null || typeof type !== 'string' || !isCount(sequence) || typeof at !== 'number')
    throw malformed(data, 'a step of a task');
  if (!Object.hasOwn(MEMBERS, type)) return { type: 'unknown', name: type, sequence, at };
  const wrong = Object.entries<Holds>(MEMBERS[type as KnownStep['type']]).find(([name, holds]) => !holds(step[name]));
  if (wrong !== undefined) throw malformed(data, `a step ${type} with its member ${wrong[0]}`);
  return step as unknown as KnownStep;
}

function membersIn(data: string): Readonly<Record<string, Json>> | null {
  try {
    const value = parseLooseJson(data) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, Json>>)
      : null;
  } catch {
    return null; // said by the caller
  }
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value);
}

function malformed(data: string, expected: string): ClientError {
  return new ClientError(
    'client/answer-malformed',
    `expected ${expected}, got ${JSON.stringify(data.slice(0, 60))}; report it to the agent's operator`,
  );
}
