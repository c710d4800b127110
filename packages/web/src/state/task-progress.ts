/** Folds the steps of a task into one state: its status, and each attempt with code, output, error and files. */

import type { TaskStatus, TaskStep } from 'assay';

type ReviewStep = Extract<TaskStep, { readonly type: 'review' }>;

export interface AttemptView {
  /** From 1. */
  readonly attempt: number;
  readonly state: 'writing' | 'written' | 'review' | 'running' | 'succeeded' | 'failed' | 'stopped';
  readonly model: string | null;
  readonly recorded: boolean;
  readonly language: string;
  readonly lane: string | null;
  /** The model's words as they come. */
  readonly text: string;
  readonly code: string | null;
  /** What the model wrote, when the code was edited in its review. */
  readonly proposed: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Streams of which only the beginning is here. */
  readonly omitted: readonly string[];
  /** Limits that the program met. */
  readonly limits: readonly string[];
  readonly error: string | null;
  readonly files: readonly string[];
}

/** Code that waits for a decision. */
export interface WaitingReview {
  readonly attempt: number;
  readonly codeHash: string;
  readonly language: string;
  readonly code: string;
  /** How long there was to decide when it began to wait, milliseconds; `null` when unknown. */
  readonly forMs: number | null;
}

export interface TaskProgress {
  readonly title: string;
  readonly receiptId: string | null;
  readonly stage: 'starting' | 'queued' | 'writing' | 'review' | 'running' | 'sealing' | 'ended';
  /** Tasks that wait before this one. */
  readonly ahead: number;
  readonly attempts: readonly AttemptView[];
  readonly review: WaitingReview | null;
  readonly logIndex: number | null;
  readonly end: { readonly status: TaskStatus; readonly code: string | null } | null;
}

export const NO_PROGRESS: TaskProgress = {
  title: '',
  receiptId: null,
  stage: 'starting',
  ahead: 0,
  attempts: [],
  review: null,
  logIndex: null,
  end: null,
};

const FRESH: Omit<AttemptView, 'attempt'> = {
  state: 'writing',
  model: null,
  recorded: false,
  language: 'text',
  lane: null,
  text: '',
  code: null,
  proposed: null,
  stdout: '',
  stderr: '',
  omitted: [],
  limits: [],
  error: null,
  files: [],
};

/** What is known after `step`. Unknown steps change nothing. */
export function foldStep(known: TaskProgress, step: TaskStep): TaskProgress {
  const progress = stageAfter(known, step);
  if (step.type === 'done') return { ...progress, attempts: progress.attempts.map(stopped) };
  if (!('attempt' in step)) return progress;
  const { attempt } = step;
  const before = progress.attempts.find((one) => one.attempt === attempt) ?? { attempt, ...FRESH };
  const after = attemptAfter(before, step);
  const attempts = progress.attempts.some((one) => one.attempt === attempt)
    ? progress.attempts.map((one) => (one.attempt === attempt ? after : one))
    : [...progress.attempts, after];
  const review = step.type === 'review' ? reviewOf(after, step) : progress.review;
  return { ...progress, attempts, review };
}

function stageAfter(known: TaskProgress, step: TaskStep): TaskProgress {
  switch (step.type) {
    case 'accepted':
      return { ...known, title: step.title, receiptId: step.receipt_id };
    case 'queued':
      return { ...known, stage: 'queued', ahead: step.ahead };
    case 'writing':
    case 'review':
    case 'running':
    case 'sealing':
      return { ...known, stage: step.type };
    case 'reviewed':
      return { ...known, stage: 'running', review: null };
    case 'logged':
      return { ...known, logIndex: step.log_index };
    case 'done':
      return { ...known, stage: 'ended', review: null, end: { status: step.status, code: step.error } };
    default:
      return known;
  }
}

function attemptAfter(before: AttemptView, step: TaskStep): AttemptView {
  switch (step.type) {
    case 'writing':
      // A model that begins again starts from nothing.
      return { ...before, state: 'writing', model: step.model, recorded: step.recorded, text: '' };
    case 'text':
      return { ...before, text: before.text + step.text };
    case 'code':
      return {
        ...before,
        state: 'written',
        language: step.language,
        proposed: before.code,
        code: step.code,
      };
    case 'review':
      return { ...before, state: 'review' };
    case 'reviewed':
      return { ...before, state: 'written' };
    case 'running':
      return { ...before, state: 'running', language: step.language, lane: step.lane };
    case 'stdout':
      return { ...before, stdout: before.stdout + step.text };
    case 'stderr':
      return { ...before, stderr: before.stderr + step.text };
    case 'omitted':
      return { ...before, omitted: [...before.omitted, step.stream] };
    case 'limit':
      return { ...before, limits: [...before.limits, step.message] };
    case 'artifact':
      return { ...before, files: [...before.files, step.path] };
    case 'executed':
      if (step.status === 'killed') return { ...before, state: 'stopped' };
      return { ...before, state: step.status === 'ok' ? 'succeeded' : 'failed', error: step.error };
    case 'retry':
      return { ...before, state: 'failed', error: before.error ?? step.reason };
    default:
      return before;
  }
}

function reviewOf({ attempt, code, language }: AttemptView, step: ReviewStep): WaitingReview {
  const forMs = step.expires_at === null ? null : step.expires_at - step.at;
  return { attempt, codeHash: step.code_hash, language, code: code ?? '', forMs };
}

function stopped(attempt: AttemptView): AttemptView {
  return attempt.state === 'succeeded' || attempt.state === 'failed' ? attempt : { ...attempt, state: 'stopped' };
}
