import type { Agent, TaskSummary } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Ago } from '../components/ago.tsx';
import { Attempt } from '../components/attempt.tsx';
import { Badge } from '../components/badge.tsx';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { CodeReview } from '../components/code-review.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { Elapsed } from '../components/elapsed.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { RequestCard } from '../components/request-card.tsx';
import { TaskResultView } from '../components/task-result.tsx';
import { toast } from '../components/toast.tsx';
import { Obstacle } from '../shell/gate.tsx';
import type { PageProps } from '../shell/pages.ts';
import { pathTo } from '../state/base.ts';
import { useConnection } from '../state/connection.ts';
import { type FollowedTask, useFollowedTask } from '../state/followed-task.ts';
import { requestOf, startTask } from '../state/started-tasks.ts';
import type { TaskProgress } from '../state/task-progress.ts';
import type { TaskRequest } from '../state/task-request.ts';
import { END_WORDS, isActive, stageWords, statusIn, TASK_LOOKS, TYPE_WORDS } from '../state/task-words.ts';
import { printable } from '../state/text-safety.ts';

/** One task: what was asked, each attempt, what came out, and the check of its receipt. */
export function TaskPage({ params }: PageProps): JSX.Element {
  const id = params?.id ?? '';
  const connection = useConnection();
  const agent = connection.state === 'verified' ? connection.agent : null;
  const task = useFollowedTask(agent, id);
  const { summary, progress } = task;
  const title = printable(summary?.title || progress.title || 'Task');
  return (
    <Page
      title={title.length > 80 ? `${title.slice(0, 79)}…` : title}
      lead={<TaskLead id={id} task={task} />}
      actions={agent !== null && summary !== null && <Actions agent={agent} summary={summary} />}
    >
      {connection.state !== 'verified' && <Obstacle connection={connection} />}
      {task.state === 'missing' ? <Missing id={id} /> : <Content agent={agent} id={id} task={task} />}
    </Page>
  );
}

function TaskLead({ id, task }: { readonly id: string; readonly task: FollowedTask }): JSX.Element {
  const { summary, progress, readAt } = task;
  const status = statusIn(progress) ?? summary?.status;
  const look = status === undefined ? null : TASK_LOOKS[status];
  return (
    <span class="row task-lead">
      {look !== null && (
        <span data-task-status={status}>
          <Badge tone={look.tone}>{look.word}</Badge>
        </span>
      )}
      {summary !== null && (
        <>
          <span>{TYPE_WORDS[summary.type] ?? printable(summary.type)}</span>
          <Ago at={Date.parse(summary.started_at)} />
          <span>
            <span class="hidden">Elapsed: </span>
            <Elapsed ms={summary.elapsed_ms} readAt={readAt} running={isActive(summary.status)} />
          </span>
        </>
      )}
      <span class="task-address">
        <span class="mono hint task-id">{printable(id)}</span>
        <CopyButton text={location.href} what="link to this task" />
      </span>
    </span>
  );
}

function Actions({ agent, summary }: { readonly agent: Agent; readonly summary: TaskSummary }): JSX.Element {
  const { route } = useLocation();
  const [busy, setBusy] = useState(false);
  const id = summary.task_id;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), 'fail');
    } finally {
      setBusy(false);
    }
  };
  const again = async (): Promise<void> => {
    const request = requestOf(id) ?? ((await agent.tasks.request(id)) as unknown as TaskRequest);
    route(pathTo(`tasks/${await startTask(agent, request)}`));
  };
  if (isActive(summary.status))
    return (
      <Button icon="close" disabled={busy} onClick={() => void attempt(() => agent.tasks.cancel(id))}>
        Cancel task
      </Button>
    );
  return (
    <>
      <ButtonLink href={`${pathTo('tasks/new')}?from=${encodeURIComponent(id)}`} icon="code">
        Edit and run
      </ButtonLink>
      <Button icon="retry" kind="primary" disabled={busy} onClick={() => void attempt(again)}>
        Run again
      </Button>
    </>
  );
}

interface ContentProps {
  readonly agent: Agent | null;
  readonly id: string;
  readonly task: FollowedTask;
}

function Content({ agent, id, task }: ContentProps): JSX.Element {
  const { progress, result, state, fault, summary } = task;
  const { attempts } = progress;
  const newest = attempts.at(-1);
  const earlier = attempts.slice(0, -1).reverse();
  const active = state === 'following';
  const warnings = result?.warnings ?? [];
  return (
    <div class="task-columns">
      <div class="stack">
        <p class="hidden" role="status">
          {active
            ? stageWords(progress)
            : progress.end === null
              ? ''
              : `The task has ended: ${TASK_LOOKS[progress.end.status].word}`}
        </p>
        {state === 'reading' && agent !== null && (
          <Card>
            <p>Reading the task…</p>
            <div class="skeleton" />
          </Card>
        )}
        {state === 'lost-line' && (
          <Notice tone="open" title="The connection to the task broke" role="status">
            <p>{fault}. The task goes on; this page attaches again by itself.</p>
          </Notice>
        )}
        {active && progress.review === null && progress.stage !== 'ended' && <Stage progress={progress} />}
        <Ending task={task} />
        {agent !== null && progress.review !== null && <CodeReview agent={agent} taskId={id} review={progress.review} />}
        {warnings.map((warning) => (
          <Notice key={String(warning)} tone="open" title="Note">
            <p>{String(warning)}</p>
          </Notice>
        ))}
        {newest?.recorded && newest.state === 'failed' && (
          <p class="hint">A recorded program fits the sample files of its demo. For other files, connect a model.</p>
        )}
        {newest !== undefined && newest.state !== 'review' && (
          <Attempt key={newest.attempt} attempt={newest} open alone={attempts.length === 1} />
        )}
        {result !== null && result.value !== null && result.value !== '' && (
          <p class="hint">
            Value of the last expression: <code data-value>{result.value.slice(0, 2000)}</code>
          </p>
        )}
        {result !== null && <TaskResultView result={result} />}
        {earlier.map((attempt) => (
          <Attempt key={attempt.attempt} attempt={attempt} open={false} alone={false} />
        ))}
        {result === null &&
          progress.end !== null &&
          agent !== null &&
          fault === '' &&
          progress.end.status !== 'interrupted' && (
            <Card>
              <p aria-live="polite">Fetching the bundle and verifying it in this browser…</p>
              <div class="skeleton" />
            </Card>
          )}
      </div>
      <div class="stack">
        {agent !== null && summary !== null && <RequestCard agent={agent} id={id} />}
        {result !== null && <BundleCheck bundle={result.bundle} />}
      </div>
    </div>
  );
}

/** What goes on now. */
function Stage({ progress }: { readonly progress: TaskProgress }): JSX.Element {
  return (
    <div class="stage" data-stage={progress.stage}>
      <span class="dot is-active" aria-hidden="true" />
      <span>{stageWords(progress)}</span>
    </div>
  );
}

/** Why it did not succeed, and why there is nothing to verify. */
function Ending({ task }: { readonly task: FollowedTask }): JSX.Element | null {
  const { progress, result, fault } = task;
  const { end } = progress;
  if (end === null) return null;
  if (end.status === 'interrupted' && result === null && progress.logIndex === null)
    return (
      <Notice tone="open" title="The agent stopped before this task ended" role="status">
        <p>Nothing of it was acknowledged and there is no receipt. Run it again; what this browser saw of it is below.</p>
      </Notice>
    );
  return (
    <>
      {end.code !== null && (
        <Notice tone={end.status === 'failed' ? 'fail' : 'open'} title={TASK_LOOKS[end.status].word} role="status">
          <p>
            {END_WORDS[end.code] ?? (result !== null && 'error' in result ? result.error.message : 'The task did not succeed.')}
          </p>
          <p class="mono hint">{end.code}</p>
        </Notice>
      )}
      {fault !== '' && result === null && (
        <Notice tone="fail" title="The result could not be verified" role="alert">
          <p>{fault}</p>
        </Notice>
      )}
    </>
  );
}

function Missing({ id }: { readonly id: string }): JSX.Element {
  useEffect(() => {
    document.title = 'No such task · Assay';
  }, []);
  return (
    <Card>
      <EmptyState icon="search" title="No task has this id" action={<ButtonLink href={pathTo('tasks')}>All tasks</ButtonLink>}>
        This agent does not know <code>{printable(id).slice(0, 80)}</code>, or it belongs to another key.
      </EmptyState>
    </Card>
  );
}
