/** Names that others choose do not become series without end. */

import { expect, it } from 'vitest';
import type { RunningTask } from '../tasks/run-task.ts';
import type { TaskOutcome } from '../tasks/task-outcome.ts';
import { createMetrics } from './metrics.ts';

it('counts models by name up to a bound, and the others together', async () => {
  const metrics = createMetrics(() => 0);
  const task = { type: 'ai_generate_and_execute', needs: ['model'] } as unknown as RunningTask;
  for (let i = 0; i < 200; i += 1) {
    const generation = { model: `m${i}`, language: 'python', retries: 0, usage: null };
    metrics.task(task, { ending: { status: 'succeeded' }, generation } as unknown as TaskOutcome, 1);
  }
  const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('ai_generation_model{'));
  expect(lines.length).toBe(65);
  expect(lines).toContain('ai_generation_model{model="m0"} 1');
  expect(lines).toContain('ai_generation_model{model="other"} 136');
});
