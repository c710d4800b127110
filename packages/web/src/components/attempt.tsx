import { errorLine } from 'assay/story';
import type { JSX } from 'preact';
import type { AttemptView } from '../state/task-progress.ts';
import { ATTEMPT_LOOKS } from '../state/task-words.ts';
import { Badge } from './badge.tsx';
import { Code } from './code.tsx';
import { Output } from './output.tsx';

const ACTIVE: ReadonlySet<AttemptView['state']> = new Set(['writing', 'written', 'running', 'review']);

interface AttemptProps {
  readonly attempt: AttemptView;
  /** Stands open from the start. */
  readonly open: boolean;
  /** The only one: nothing to count. */
  readonly alone: boolean;
}

/** One attempt, kept with its code, output and error. */
export function Attempt({ attempt, open, alone }: AttemptProps): JSX.Element {
  const look = ATTEMPT_LOOKS[attempt.state];
  const live = ACTIVE.has(attempt.state);
  const limits = attempt.limits.filter((limit) => !(attempt.error ?? '').includes(limit));
  return (
    <details class="attempt" open={open} data-attempt={attempt.attempt} data-state={attempt.state}>
      <summary>
        <h2>{alone ? 'Result' : `Attempt ${attempt.attempt}`}</h2>
        <Badge tone={look.tone}>{look.word}</Badge>
        <span class="hint attempt-model">{attempt.model ?? ''}</span>
      </summary>
      <div class="attempt-body">
        {attempt.error !== null && <Failure error={attempt.error} />}
        {limits.map((limit) => (
          <p key={limit} class="field-fault">
            {limit}
          </p>
        ))}
        {attempt.stdout !== '' && (
          <section class="stack-sm" aria-label={`Output of attempt ${attempt.attempt}`}>
            <h3>Output</h3>
            <Output text={attempt.stdout} label="Output" live={live} omitted={attempt.omitted.includes('stdout')} />
          </section>
        )}
        {attempt.stderr !== '' && (attempt.error ?? '').trim() !== attempt.stderr.trim() && (
          <details open={attempt.state === 'failed' && attempt.stdout === ''}>
            <summary>Standard error</summary>
            <Output text={attempt.stderr} label="Standard error" live={live} omitted={attempt.omitted.includes('stderr')} />
          </details>
        )}
        {attempt.state === 'succeeded' && attempt.stdout === '' && attempt.stderr === '' && (
          <p class="hint">The program printed nothing.</p>
        )}
        {attempt.code === null ? <Writing attempt={attempt} /> : <Program attempt={attempt} code={attempt.code} />}
      </div>
    </details>
  );
}

function Failure({ error }: { readonly error: string }): JSX.Element {
  const line = errorLine(error);
  return (
    <div class="failure" data-error>
      <p class="mono">{line}</p>
      {error.trim() !== line && (
        <details>
          <summary>Whole error</summary>
          <Output text={error} label="Error" live={false} />
        </details>
      )}
    </div>
  );
}

/** The model's words until there is code. */
function Writing({ attempt }: { readonly attempt: AttemptView }): JSX.Element | null {
  if (attempt.text === '') return attempt.state === 'writing' ? <div class="skeleton" /> : null;
  return (
    <section class="stack-sm" aria-label="What the model writes">
      <h3>{attempt.state === 'writing' ? 'The model writes' : 'The model wrote no program'}</h3>
      <Output text={attempt.text} label="Text of the model" live={attempt.state === 'writing'} />
    </section>
  );
}

function Program({ attempt, code }: { readonly attempt: AttemptView; readonly code: string }): JSX.Element {
  const { proposed } = attempt;
  return (
    <section class="stack-sm" aria-label={`Code of attempt ${attempt.attempt}`}>
      <h3>{proposed === null ? 'Code' : 'Code, as edited in the review'}</h3>
      <Code text={code} language={attempt.language} />
      {proposed !== null && (
        <details>
          <summary>As the model wrote it</summary>
          <Code text={proposed} language={attempt.language} />
        </details>
      )}
    </section>
  );
}
