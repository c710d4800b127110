/** Metrics in Prometheus form. The seed's names `ai_generation.success` and so on appear with `_` for `.`. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RunningTask } from '../tasks/run-task.ts';
import type { TaskOutcome } from '../tasks/task-outcome.ts';
import type { RouteName } from './route.ts';

export interface Metrics {
  readonly registry: Registry;
  /** Counts a request; the route is a declared one, never a path or a method as sent, so that labels stay few. */
  request(route: RouteName | 'other', status: number, seconds: number): void;
  /** Counts a task that ended. */
  task(task: RunningTask, outcome: TaskOutcome, seconds: number): void;
}

/** Names of models come from requests and endpoints; a series is kept for as long as the agent runs. */
const MOST_MODELS = 64;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** A fresh registry. `running` tells how many tasks run now. */
export function createMetrics(running: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to the response head.',
    labelNames: ['route'],
    buckets: SECONDS,
    registers,
  });
  const tasks = new Counter({
    name: 'assay_tasks_total',
    help: 'Tasks that ended, by type and status.',
    labelNames: ['type', 'status'],
    registers,
  });
  const taskDuration = new Histogram({
    name: 'assay_task_duration_seconds',
    help: 'Time from start to receipt.',
    labelNames: ['type'],
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: 'assay_tasks_running',
    help: 'Tasks that run now.',
    registers,
    collect() {
      this.set(running());
    },
  });
  const success = new Counter({
    name: 'ai_generation_success',
    help: 'AI generations, by whether the code ran in the end.',
    labelNames: ['success'],
    registers,
  });
  const retries = new Histogram({
    name: 'ai_generation_retries',
    help: 'Retries an AI generation used.',
    buckets: [0, 1, 2, 3, 5, 10],
    registers,
  });
  const language = new Counter({
    name: 'ai_generation_language',
    help: 'AI generations by language.',
    labelNames: ['language'],
    registers,
  });
  const model = new Counter({
    name: 'ai_generation_model',
    help: 'AI generations by model.',
    labelNames: ['model'],
    registers,
  });
  const models = new Set<string>();
  const modelLabel = (name: string): string => {
    if (models.size < MOST_MODELS) models.add(name);
    return models.has(name) ? name : 'other';
  };
  const tokens = new Counter({
    name: 'ai_generation_tokens',
    help: 'Tokens of the last attempt of AI generations.',
    labelNames: ['kind'],
    registers,
  });

  return {
    registry,
    request: (name, status, seconds) => {
      const [method, route] = name === 'other' ? [name, name] : (name.split(' ') as [string, string]);
      requests.inc({ method, route, status: String(status) });
      duration.observe({ route }, seconds);
    },
    task: (task, outcome, seconds) => {
      const { ending, generation } = outcome;
      tasks.inc({ type: task.type, status: ending.status });
      taskDuration.observe({ type: task.type }, seconds);
      if (!task.needs.includes('model')) return;
      success.inc({ success: String(ending.status === 'succeeded') });
      if (generation === null) return;
      retries.observe(generation.retries);
      language.inc({ language: generation.language });
      if (generation.model !== null) model.inc({ model: modelLabel(generation.model) });
      if (generation.usage?.prompt_tokens) tokens.inc({ kind: 'prompt' }, generation.usage.prompt_tokens);
      if (generation.usage?.completion_tokens) tokens.inc({ kind: 'completion' }, generation.usage.completion_tokens);
    },
  };
}
