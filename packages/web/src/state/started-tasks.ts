/**
 * What this tab knows of the tasks that it started or watched. A task that it started is compared with the request that was sent; what was
 * seen of a task stays when the agent is started again and has lost it.
 */

import type { Agent, TaskRun } from 'assay';
import type { TaskProgress } from './task-progress.ts';
import type { TaskRequest } from './task-request.ts';

/** Tasks that are remembered. */
const MOST = 30;

const runs = new Map<string, TaskRun>();
const requests = new Map<string, TaskRequest>();
const seen = new Map<string, TaskProgress>();

function keep<Value>(map: Map<string, Value>, id: string, value: Value): void {
  map.delete(id);
  map.set(id, value);
  for (const oldest of map.keys()) {
    if (map.size <= MOST) return;
    map.delete(oldest);
  }
}

/** Starts a task; resolves with its id once the agent has accepted it. */
export async function startTask(agent: Agent, request: TaskRequest): Promise<string> {
  const run = agent.run(request);
  // Rejects when the agent refuses the request.
  for await (const _first of run) break;
  keep(runs, run.id, run);
  keep(requests, run.id, request);
  return run.id;
}

/** The run of a task that this tab started, to be followed once; `null` when it did not, or the agent has changed since. */
export function takeRun(id: string): TaskRun | null {
  const run = runs.get(id) ?? null;
  runs.delete(id);
  return run;
}

export function requestOf(id: string): TaskRequest | null {
  return requests.get(id) ?? null;
}

export const seenProgress = {
  get: (id: string): TaskProgress | null => seen.get(id) ?? null,
  set: (id: string, progress: TaskProgress): void => keep(seen, id, progress),
};
