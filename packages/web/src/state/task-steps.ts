/** Folds the events of a task into the steps that the page shows: writing, running, retry 1 …, sealing, logged. */

import type { TaskStep } from 'assay';
import type { Step, StepState } from '../components/steps.tsx';

export interface TaskView {
  readonly steps: readonly Step[];
  /** Source of the newest attempt; while the model writes, its raw text so far. */
  readonly code: string;
  readonly language: string;
  readonly stdout: string;
  readonly stderr: string;
  /** The answer came from a transcript, nobody ran a model. */
  readonly recorded: boolean;
  readonly ended: boolean;
}

export const NO_TASK: TaskView = {
  steps: [],
  code: '',
  language: 'python',
  stdout: '',
  stderr: '',
  recorded: false,
  ended: false,
};

const MAX_OUTPUT = 200_000; // characters shown; the receipt has the rest

function settle(steps: readonly Step[], key: string, state: StepState, note?: string): Step[] {
  return steps.map((step) => (step.key === key ? { ...step, state, note: note ?? step.note } : step));
}

function begin(steps: readonly Step[], key: string, title: string, note = ''): Step[] {
  if (steps.some((step) => step.key === key)) return [...steps];
  return [...steps, { key, title, state: 'active', note }];
}

const cut = (text: string): string => (text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT)}\n… (shortened here)` : text);

/** The view after `event`. Unknown events change nothing. */
export function applyEvent(view: TaskView, event: TaskStep): TaskView {
  const attempt = event.attempt ?? 1;
  const round = attempt > 1 ? ` (attempt ${attempt})` : '';
  const { steps } = view;
  switch (event.type) {
    case 'writing':
      return {
        ...view,
        recorded: event.recorded === true,
        code: '',
        steps: begin(steps, `writing-${attempt}`, `Writing code${round}`, event.model ?? ''),
      };
    case 'text':
      return { ...view, code: cut(view.code + (event.text ?? '')) };
    case 'code':
      return {
        ...view,
        code: event.code ?? '',
        language: event.language ?? view.language,
        steps: settle(steps, `writing-${attempt}`, 'pass'),
      };
    case 'running':
      return {
        ...view,
        stdout: '',
        stderr: '',
        steps: begin(settle(steps, `writing-${attempt}`, 'pass'), `running-${attempt}`, `Running${round}`, event.lane ?? ''),
      };
    case 'stdout':
      return { ...view, stdout: cut(view.stdout + (event.text ?? '')) };
    case 'stderr':
      return { ...view, stderr: cut(view.stderr + (event.text ?? '')) };
    case 'executed':
      return {
        ...view,
        steps: settle(steps, `running-${attempt}`, event.status === 'ok' ? 'pass' : 'fail', event.error ?? event.status),
      };
    case 'retry': {
      // What was under way failed: the running, or the writing when no program came of it.
      const note = { key: `retry-${attempt}`, title: `Retry ${attempt}`, state: 'open' as const, note: event.reason ?? '' };
      return {
        ...view,
        steps: [...steps.map((step) => (step.state === 'active' ? { ...step, state: 'fail' as const } : step)), note],
      };
    }
    case 'sealing':
      return { ...view, steps: begin(steps, 'sealing', 'Sealing the receipt') };
    case 'logged':
      return {
        ...view,
        steps: settle(
          begin(settle(steps, 'sealing', 'pass'), 'logged', 'Logged'),
          'logged',
          'pass',
          `entry ${event.log_index ?? '?'}`,
        ),
      };
    case 'done':
      return {
        ...view,
        ended: true,
        steps: steps.map((step) => (step.state === 'active' ? { ...step, state: 'fail' } : step)),
      };
    default:
      return view;
  }
}
