import type { JSX } from 'preact';
import { Dot } from './badge.tsx';
import { Icon, type IconName } from './icon.tsx';

export type StepState = 'active' | 'pass' | 'fail' | 'retry';

export interface Step {
  readonly key: string;
  readonly title: string;
  readonly state: StepState;
  /** Right-hand remark: seconds, token counts, a hash. */
  readonly note: string;
  /** What went wrong, in one line, on a row of its own; empty when nothing did. */
  readonly detail: string;
}

const LOOKS: Readonly<Record<Exclude<StepState, 'active'>, { readonly icon: IconName; readonly word: string }>> = {
  pass: { icon: 'check-circle', word: 'done' },
  fail: { icon: 'x-circle', word: 'failed' },
  retry: { icon: 'retry', word: 'the model was asked again' },
};

/** The live steps of a task; screen readers hear each change. */
export function Steps({ steps }: { readonly steps: readonly Step[] }): JSX.Element {
  return (
    <ol class="steps" aria-live="polite">
      {steps.map((step) => (
        <li key={step.key} class={`is-${step.state}`} data-step={step.key} data-state={step.state}>
          {step.state === 'active' ? <Dot tone="active" /> : <Icon name={LOOKS[step.state].icon} />}
          <span>
            {step.title} <span class="hidden">{step.state === 'active' ? 'running' : LOOKS[step.state].word}</span>
          </span>
          <span class="hint mono">{step.note}</span>
          {step.detail !== '' && <p class="step-detail mono">{step.detail}</p>}
        </li>
      ))}
    </ol>
  );
}
