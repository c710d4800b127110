/** Folds the events of a task into the steps that the page shows: writing, running, retry 1 …, sealing, logged. */

import type { TaskStep } from 'assay';
import { errorLine } from 'assay/story';
import type { Step, StepState } from '../components/steps.tsx';

export interface TaskView {
  readonly steps: readonly Step[];
  /** Source of the newest attempt; while the model writes, its raw text so far. */
  readonly code: string;
  readonly language: string;
  readonly stdout: string;
  readonly stderr: string;
  /** The answer came from a transcript, no model ran. */
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

function settle(steps: readonly Step[], key: string, state: StepState, change: Partial<Step> = {}): Step[] {
  return steps.map((step) => (step.key === key ? { ...step, state, ...change } : step));
}

function begin(steps: readonly Step[], key: string, title: string, note = ''): Step[] {
  if (steps.some((step) => step.key === key)) return [...steps];
  return [...steps, { key, title, state: 'active', note, detail: '' }];
}

const cut = (text: string): string => (text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT)}\n… (shortened here)` : text);

/** The view after `event`. Unknown events change nothing. */
export function applyEvent(view: TaskView, event: TaskStep): TaskView {
  const attempt = 'attempt' in event ? event.attempt : 1;
  const round = attempt > 1 ? ` (attempt ${attempt})` : '';
  const { steps } = view;
  switch (event.type) {
    case 'writing':
      return {
        ...view,
        recorded: event.recorded,
        code: '',
        steps: begin(steps, `writing-${attempt}`, `Writing code${round}`, event.model),
      };
    case 'text':
      return { ...view, code: cut(view.code + event.text) };
    case 'code':
      return {
        ...view,
        code: event.code,
        language: event.language,
        steps: settle(steps, `writing-${attempt}`, 'pass'),
      };
    case 'running':
      return {
        ...view,
        stdout: '',
        stderr: '',
        steps: begin(settle(steps, `writing-${attempt}`, 'pass'), `running-${attempt}`, `Running${round}`, event.lane),
      };
    case 'stdout':
      return { ...view, stdout: cut(view.stdout + event.text) };
    case 'stderr':
      return { ...view, stderr: cut(view.stderr + event.text) };
    case 'executed': {
      if (event.status === 'ok') return { ...view, steps: settle(steps, `running-${attempt}`, 'pass') };
      const detail = errorLine(event.error ?? event.status);
      return { ...view, steps: settle(steps, `running-${attempt}`, 'fail', { detail }) };
    }
    case 'retry': {
      // What was under way failed: the running, or the writing when no program came of it. The reason is told once.
      const reason = errorLine(event.reason);
      const told = steps.map((step) =>
        step.state === 'active' ? { ...step, state: 'fail' as const, detail: step.detail || reason } : step,
      );
      const detail = told.some((step) => step.key.endsWith(`-${attempt}`) && step.state === 'fail') ? '' : reason;
      return {
        ...view,
        steps: [...told, { key: `retry-${attempt}`, title: `Retry ${attempt}`, state: 'retry', note: '', detail }],
      };
    }
    case 'sealing':
      return { ...view, steps: begin(steps, 'sealing', 'Sealing the receipt') };
    case 'logged':
      return {
        ...view,
        steps: settle(begin(settle(steps, 'sealing', 'pass'), 'logged', 'Logged'), 'logged', 'pass', {
          note: `entry ${event.log_index}`,
        }),
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
