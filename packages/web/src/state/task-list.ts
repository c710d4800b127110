/** The list of tasks as a page shows it: read page by page, and read again while something on it changes. */

import type { Agent, TaskStatus, TaskSummary } from 'assay';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isActive } from './task-words.ts';

const PAGE_SIZE = 50;
/** Between two looks at the first page while a task on it is under way, and otherwise. */
const ACTIVE_MS = 1500;
const QUIET_MS = 8000;
/** Empty pages that are passed over before the visitor is asked: a search may look at many tasks. */
const MOST_EMPTY = 5;

export interface TaskList {
  /** `null` until the first page was read. */
  readonly tasks: readonly TaskSummary[] | null;
  /** When the newest page was read, by `performance.now()`. */
  readonly readAt: number;
  /** Reads the next page; `null` on the last one. */
  readonly more: (() => void) | null;
  readonly busy: boolean;
  readonly fault: string;
}

interface Wanted {
  readonly search: string;
  /** Empty for all. */
  readonly statuses: readonly TaskStatus[];
}

interface Known {
  readonly tasks: readonly TaskSummary[] | null;
  readonly next: number | null;
  readonly readAt: number;
  readonly fault: string;
}

const NOTHING: Known = { tasks: null, next: null, readAt: 0, fault: '' };

/** The tasks that fit. */
export function useTaskList(agent: Agent, { search, statuses }: Wanted): TaskList {
  const [known, setKnown] = useState(NOTHING);
  const [busy, setBusy] = useState(false);
  const newest = useRef(known);
  newest.current = known;
  const status = statuses.join(',');

  /** Counts what was looked for: answers to an earlier question are dropped. */
  const question = useRef(0);

  const read = async (before: number | undefined): Promise<void> => {
    const asked = question.current;
    const query = { search, status: status === '' ? undefined : statuses, limit: PAGE_SIZE };
    try {
      let page = await agent.tasks.list({ ...query, before });
      const tasks = [...page.tasks];
      for (let empty = 0; tasks.length === 0 && page.next !== null && empty < MOST_EMPTY; empty += 1) {
        page = await agent.tasks.list({ ...query, before: page.next });
        tasks.push(...page.tasks);
      }
      if (asked !== question.current) return;
      setKnown(({ tasks: shown, next }) => ({
        tasks: before === undefined ? merged(tasks, shown) : [...(shown ?? []), ...tasks],
        next: before === undefined && (shown?.length ?? 0) > PAGE_SIZE ? next : page.next,
        readAt: performance.now(),
        fault: '',
      }));
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (asked === question.current) setKnown((shown) => ({ ...shown, fault }));
    }
  };

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    question.current += 1;
    const asked = question.current;
    setKnown(NOTHING);
    const look = async (): Promise<void> => {
      if (document.visibilityState !== 'hidden') await read(undefined);
      const active = newest.current.tasks?.some((task) => isActive(task.status)) === true;
      if (asked === question.current) timer = setTimeout(() => void look(), active ? ACTIVE_MS : QUIET_MS);
    };
    void look();
    return () => {
      question.current += 1;
      clearTimeout(timer);
    };
  }, [agent, search, status]);

  const { tasks, next, readAt, fault } = known;
  const more = (): void => {
    setBusy(true);
    void read(next ?? undefined).finally(() => setBusy(false));
  };
  return { tasks, readAt, more: next === null ? null : more, busy, fault };
}

/** The first page, read again, followed by the older ones that were read before. */
function merged(first: readonly TaskSummary[], shown: readonly TaskSummary[] | null): readonly TaskSummary[] {
  const last = first.at(-1);
  if (shown === null || last === undefined || first.length < PAGE_SIZE) return first;
  const fresh = new Set(first.map(({ receipt_id: id }) => id));
  return [...first, ...shown.filter(({ receipt_id: id, started_at: at }) => !fresh.has(id) && at <= last.started_at)];
}
