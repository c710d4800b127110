import { counted } from '@assay/encoding/counted';
import type { Agent, TaskStatus, TaskSummary } from 'assay';
import type { JSX } from 'preact';
import { useLocation } from 'preact-iso/router';
import { Ago } from '../components/ago.tsx';
import { Badge } from '../components/badge.tsx';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Elapsed } from '../components/elapsed.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { SearchField } from '../components/search-field.tsx';
import { Gate } from '../shell/gate.tsx';
import { pathTo } from '../state/base.ts';
import { useTaskList } from '../state/task-list.ts';
import { isActive, TASK_LOOKS, TYPE_WORDS } from '../state/task-words.ts';
import { printable } from '../state/text-safety.ts';

/** What the list is narrowed to, by its name in the address. */
const FILTERS: readonly { readonly id: string; readonly title: string; readonly statuses: readonly TaskStatus[] }[] = [
  { id: '', title: 'All', statuses: [] },
  { id: 'active', title: 'Active', statuses: ['queued', 'running', 'review'] },
  { id: 'done', title: 'Done', statuses: ['succeeded'] },
  { id: 'failed', title: 'Failed', statuses: ['failed'] },
  { id: 'stopped', title: 'Stopped', statuses: ['cancelled', 'interrupted'] },
];

/** Every task of the agent, newest first. */
export function TasksPage(): JSX.Element {
  return (
    <Page
      title="Tasks"
      lead="What this agent was asked to do. Each one keeps its address, its attempts and its receipt."
      actions={
        <ButtonLink kind="primary" icon="play" href={pathTo('tasks/new')}>
          New task
        </ButtonLink>
      }
    >
      <Gate>{({ agent }) => <Tasks agent={agent} />}</Gate>
    </Page>
  );
}

function Tasks({ agent }: { readonly agent: Agent }): JSX.Element {
  const { query, route } = useLocation();
  const search = query.search ?? '';
  const filter = FILTERS.find(({ id }) => id === (query.state ?? '')) ?? FILTERS[0];
  const { tasks, readAt, more, busy, fault } = useTaskList(agent, { search, statuses: filter?.statuses ?? [] });
  /** The address holds what is looked for, so that reload, Back and a copied link show it again. */
  const narrow = (change: { readonly search?: string; readonly state?: string }): void => {
    const wanted = { search, state: query.state ?? '', ...change };
    const parameters = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== ''));
    route(`${pathTo('tasks')}${parameters.size === 0 ? '' : `?${parameters}`}`, true);
  };
  return (
    <>
      <div class="list-head">
        <SearchField
          label="Search tasks"
          hint="Search title, type or id"
          value={search}
          onChange={(text) => narrow({ search: text })}
        />
        <fieldset class="chips-choice">
          <legend class="hidden">State</legend>
          {FILTERS.map(({ id, title }) => (
            <button key={id} type="button" class="chip" aria-pressed={filter?.id === id} onClick={() => narrow({ state: id })}>
              {title}
            </button>
          ))}
        </fieldset>
      </div>
      {fault !== '' && (
        <Notice tone="fail" title="The tasks could not be read" role="alert">
          <p>{fault}</p>
        </Notice>
      )}
      {tasks === null ? (
        fault === '' && (
          <Card>
            <p aria-live="polite">Reading the tasks…</p>
            <div class="skeleton" />
          </Card>
        )
      ) : tasks.length === 0 ? (
        <NoTasks narrowed={search !== '' || filter?.id !== ''} onAll={() => narrow({ search: '', state: '' })} />
      ) : (
        <Card flush>
          <p class="hidden" role="status">{`${counted(tasks.length, 'task')} shown`}</p>
          <ul class="task-list">
            {tasks.map((task) => (
              <TaskRow key={task.receipt_id} task={task} readAt={readAt} />
            ))}
          </ul>
        </Card>
      )}
      {more !== null && (
        <div>
          <Button disabled={busy} onClick={more}>
            Older tasks
          </Button>
        </div>
      )}
    </>
  );
}

function TaskRow({ task, readAt }: { readonly task: TaskSummary; readonly readAt: number }): JSX.Element {
  const look = TASK_LOOKS[task.status];
  const started = Date.parse(task.started_at);
  return (
    <li class="task-row" data-task={task.task_id} data-status={task.status}>
      <a class="task-link" href={pathTo(`tasks/${encodeURIComponent(task.task_id)}`)}>
        <bdi>{printable(task.title)}</bdi>
      </a>
      <span class="task-sub hint">
        {TYPE_WORDS[task.type] ?? printable(task.type)}
        {task.attempts > 1 ? ` · ${task.attempts} attempts` : ''}
      </span>
      <span class="task-state">
        <Badge tone={look.tone}>{look.word}</Badge>
      </span>
      <span class="task-time hint">
        <Elapsed ms={task.elapsed_ms} readAt={readAt} running={isActive(task.status)} />
      </span>
      <Ago class="task-when hint" at={started} />
    </li>
  );
}

function NoTasks({ narrowed, onAll }: { readonly narrowed: boolean; readonly onAll: () => void }): JSX.Element {
  if (narrowed)
    return (
      <Card>
        <EmptyState icon="search" title="No task fits" action={<Button onClick={onAll}>Show all tasks</Button>}>
          Nothing has this text and this state.
        </EmptyState>
      </Card>
    );
  return (
    <Card>
      <EmptyState
        icon="list"
        title="No tasks yet"
        action={
          <ButtonLink kind="primary" icon="play" href={pathTo('tasks/new')}>
            New task
          </ButtonLink>
        }
      >
        Say what you want in plain words; the agent writes the code, runs it in its sandbox, and signs a receipt.
      </EmptyState>
    </Card>
  );
}
