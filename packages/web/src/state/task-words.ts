/** How the states of tasks and attempts look and what they are called. */

import type { TaskStatus } from 'assay';
import { TASK_TITLES } from 'assay/story';
import type { Tone } from '../components/badge.tsx';
import type { IconName } from '../components/icon.tsx';
import type { AttemptView, TaskProgress } from './task-progress.ts';
import { printable } from './text-safety.ts';

interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: IconName;
}

export const TASK_LOOKS: Readonly<Record<TaskStatus, Look>> = {
  queued: { word: 'Queued', tone: 'plain', icon: 'circle' },
  running: { word: 'Running', tone: 'active', icon: 'circle' },
  review: { word: 'Needs review', tone: 'open', icon: 'alert' },
  succeeded: { word: 'Done', tone: 'pass', icon: 'check-circle' },
  failed: { word: 'Failed', tone: 'fail', icon: 'x-circle' },
  cancelled: { word: 'Cancelled', tone: 'plain', icon: 'close' },
  interrupted: { word: 'Interrupted', tone: 'open', icon: 'plug' },
};

export const ATTEMPT_LOOKS: Readonly<Record<AttemptView['state'], Look>> = {
  writing: { word: 'Writing', tone: 'active', icon: 'circle' },
  written: { word: 'Written', tone: 'active', icon: 'circle' },
  review: { word: 'Needs review', tone: 'open', icon: 'alert' },
  running: { word: 'Running', tone: 'active', icon: 'circle' },
  succeeded: { word: 'Worked', tone: 'pass', icon: 'check-circle' },
  failed: { word: 'Failed', tone: 'fail', icon: 'x-circle' },
  stopped: { word: 'Stopped', tone: 'plain', icon: 'close' },
};

export const TYPE_WORDS: Readonly<Record<string, string>> = {
  ai_generate_and_execute: 'Generated code',
  execute: 'Own code',
  shell: 'Shell',
  file_read: 'Read a file',
  file_write: 'Write a file',
  jupyter: 'Notebook cell',
  nodejs: 'JavaScript',
  attested_audit: 'Audit of contracts',
  attested_build: 'Build of contracts',
};

/** What a kind of work is called; kinds of later versions by their own name. */
export function kindWords(kind: string): string {
  return TYPE_WORDS[kind] ?? TASK_TITLES[kind] ?? printable(kind.replaceAll('_', ' '));
}

export const isActive = (status: TaskStatus): boolean => status === 'queued' || status === 'running' || status === 'review';

/** Where the task stands by its steps; `null` before the first one. */
export function statusIn({ stage, end }: TaskProgress): TaskStatus | null {
  if (end !== null) return end.status;
  if (stage === 'starting') return null;
  return stage === 'queued' || stage === 'review' ? stage : 'running';
}

/** What goes on now, for people and for screen readers. */
export function stageWords({ stage, ahead, attempts }: TaskProgress): string {
  const newest = attempts.at(-1);
  const again = newest !== undefined && newest.attempt > 1 ? `, attempt ${newest.attempt}` : '';
  switch (stage) {
    case 'starting':
      return 'Starting';
    case 'queued':
      return ahead === 0 ? 'Waiting: next in line' : `Waiting: ${ahead} before it`;
    case 'writing':
      return `${newest?.model ?? 'The model'} writes the code${again}`;
    case 'review':
      return 'The code waits for your review';
    case 'running':
      return `The code runs${again}`;
    case 'sealing':
      return 'Sealing the receipt';
    case 'ended':
      return 'Ended';
  }
}

/** Why a task did not succeed, in words; the code is in docs/errors.md. */
export const END_WORDS: Readonly<Record<string, string>> = {
  'task/code-failed': 'The program ended with an error.',
  'task/cancelled': 'The task was cancelled. Nothing ran after that.',
  'task/interrupted': 'The agent stopped before this task ended. Nothing of it was acknowledged.',
  'task/review-expired': 'There was no decision on the code in time, so it did not run.',
  'contract/compile-failed': 'The sources do not compile.',
  'model/no-code': 'The model’s reply held no program.',
  'model/incomplete': 'The model’s reply broke off before the program was complete.',
  'model/unreachable': 'The model does not answer.',
  'model/timeout': 'The model took too long.',
};
