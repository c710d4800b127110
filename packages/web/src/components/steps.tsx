import type { JSX } from 'preact';

export type StepState = 'active' | 'pass' | 'fail' | 'open';

export interface Step {
  readonly key: string;
  readonly title: string;
  readonly state: StepState;
  /** Right-hand remark: seconds, token counts, a hash. */
  readonly note: string;
}

const MARKS: Readonly<Record<StepState, string>> = { active: '●', pass: '✓', fail: '✗', open: '○' };
const WORDS: Readonly<Record<StepState, string>> = { active: 'running', pass: 'done', fail: 'failed', open: 'waiting' };

/** The live steps of a task; screen readers hear each change. */
export function Steps({ steps }: { readonly steps: readonly Step[] }): JSX.Element {
  return (
    <ol class="steps" aria-live="polite">
      {steps.map((step) => (
        <li key={step.key} class={`is-${step.state}`} data-step={step.key} data-state={step.state}>
          <span class="mark" aria-hidden="true">
            {MARKS[step.state]}
          </span>
          <span>
            {step.title} <span class="skip">{WORDS[step.state]}</span>
          </span>
          <span class="hint mono">{step.note}</span>
        </li>
      ))}
    </ol>
  );
}
