import type { Agent } from 'assay';
import { languageName } from 'assay/story';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { WaitingReview } from '../state/task-progress.ts';
import { Button } from './button.tsx';
import { Field } from './field.tsx';
import { Icon } from './icon.tsx';
import { toast } from './toast.tsx';

interface CodeReviewProps {
  readonly agent: Agent;
  readonly taskId: string;
  readonly review: WaitingReview;
}

const MIN_ROWS = 6;
const MAX_ROWS = 28;

/** The program before it runs: read it, change it, run it or throw it away. */
export function CodeReview({ agent, taskId, review }: CodeReviewProps): JSX.Element {
  const [code, setCode] = useState(review.code);
  const [busy, setBusy] = useState(false);
  useEffect(() => setCode(review.code), [review.codeHash, review.attempt]);
  const edited = code !== review.code;
  const decide = async (decision: 'run' | 'discard'): Promise<void> => {
    setBusy(true);
    try {
      await agent.tasks.review(taskId, {
        attempt: review.attempt,
        proposed_hash: review.codeHash,
        decision,
        code: decision === 'run' && edited ? code : undefined,
      });
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), 'fail');
    } finally {
      setBusy(false);
    }
  };
  const minutes = review.forMs === null ? null : Math.round(review.forMs / 60_000);
  return (
    <section class="review" aria-label="Review the code" data-review={review.attempt}>
      <div class="row-apart">
        <h2>
          <Icon name="alert" /> Review the code before it runs
        </h2>
        {edited && <span class="badge is-open">Edited</span>}
      </div>
      <p class="hint">
        Nothing has run. The receipt will hold the code as the model wrote it, what you decide, and the code that runs.
        {minutes === null ? '' : ` Without a decision within ${minutes} minutes it does not run.`}
      </p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void decide('run');
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !busy && code.trim() !== '') void decide('run');
        }}
      >
        <Field id="review-code" label={`Program, attempt ${review.attempt} (${languageName(review.language)})`}>
          <textarea
            class="input mono code-editor"
            spellcheck={false}
            autocapitalize="off"
            rows={Math.min(MAX_ROWS, Math.max(MIN_ROWS, code.split('\n').length + 1))}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </Field>
        <div class="row">
          <Button type="submit" kind="primary" icon="play" disabled={busy || code.trim() === ''}>
            {edited ? 'Run the edited code' : 'Run this code'}
          </Button>
          {edited && (
            <Button icon="retry" onClick={() => setCode(review.code)}>
              Undo edits
            </Button>
          )}
          <Button kind="danger" icon="close" disabled={busy} onClick={() => void decide('discard')}>
            Discard
          </Button>
          <span class="hint desktop-only">Ctrl + Enter runs it</span>
        </div>
      </form>
    </section>
  );
}
