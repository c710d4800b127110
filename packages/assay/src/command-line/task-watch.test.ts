/** A task while it runs: steps with their time on standard error; output as it comes on a terminal, once at the end in a pipe. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { TaskStep } from '../index.ts';
import { TaskWatch, type TaskWatchOptions } from './task-watch.ts';

const MODEL = { provider: 'ollama', model: 'm', recorded: false } as const;
const STEPS: readonly TaskStep[] = numbered([
  { type: 'accepted', at: 1000, task: 'ai_generate_and_execute', receipt_id: 'rcpt_1', title: 'x' },
  { type: 'writing', at: 1000, attempt: 1, ...MODEL },
  { type: 'code', at: 3400, attempt: 1, language: 'python', code: 'a\nb', source: 'model' },
  { type: 'running', at: 3500, attempt: 1, language: 'python', lane: 'wasm' },
  { type: 'stdout', at: 3600, attempt: 1, text: 'no' },
  { type: 'executed', at: 3700, attempt: 1, status: 'error', error: 'Traceback\nValueError: no' },
  { type: 'retry', at: 3700, attempt: 2, reason: 'ValueError: no' },
  { type: 'running', at: 4000, attempt: 2, language: 'python', lane: 'wasm' },
  { type: 'stdout', at: 4100, attempt: 2, text: '4' },
  { type: 'stderr', at: 4150, attempt: 2, text: 'careful\n' },
  { type: 'stdout', at: 4200, attempt: 2, text: '2\u001b[2J\n' },
  { type: 'executed', at: 4300, attempt: 2, status: 'ok', error: null },
  { type: 'done', at: 4400, success: true, status: 'succeeded', error: null },
]);

type Unnumbered<Step> = Step extends unknown ? Omit<Step, 'sequence'> : never;

function numbered(steps: readonly Unnumbered<TaskStep>[]): readonly TaskStep[] {
  return steps.map((step, index) => ({ ...step, sequence: index + 1 }));
}

const PLAIN: TaskWatchOptions = { quiet: false, json: false };

function watched(columns: number | undefined, options: TaskWatchOptions, output: string | null, steps = STEPS) {
  const io = transcript({ cwd: '/', now: FAKE_NOW, env: { NO_COLOR: '1' }, ...(columns === undefined ? {} : { columns }) });
  const watch = new TaskWatch(io, options);
  for (const step of steps) watch.show(step);
  watch.end(output);
  return { out: io.out(), err: io.err(), seconds: watch.seconds };
}

afterEach(() => vi.useRealTimers());

describe('in a pipe', () => {
  test('steps go to standard error with the seconds since the first, output comes once at the end', () => {
    const { out, err, seconds } = watched(undefined, PLAIN, '42\n');
    expect(out).toBe('42\n');
    expect(err).toBe(
      [
        '   0.0 s  writing  ollama m',
        '   2.4 s  code     2 lines of python',
        '   2.5 s  running  in the wasm sandbox',
        '   2.7 s  ended    ValueError: no',
        '   2.7 s  retry    ValueError: no (attempt 2)',
        '   3.0 s  running  in the wasm sandbox (attempt 2)',
        '   3.3 s  ended    ok (attempt 2)',
        '',
      ].join('\n'),
    );
    expect(seconds).toBe(3.4);
  });

  test('a step that takes long says so every half minute, on a line of its own', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const clock = { now: FAKE_NOW };
    const plain = transcript({ cwd: '/', now: 0, env: { NO_COLOR: '1' } });
    const watch = new TaskWatch({ ...plain, now: () => clock.now }, PLAIN);
    watch.show({ type: 'writing', at: 0, sequence: 1, attempt: 1, ...MODEL });
    for (let half = 1; half <= 2; half++) {
      clock.now += 30_000;
      vi.advanceTimersByTime(30_000);
    }
    watch.show({ type: 'sealing', at: 61_000, sequence: 2 });
    watch.close();
    vi.advanceTimersByTime(90_000);
    expect(plain.err().split('\n').slice(1, -2)).toEqual(['          … 30 s', '          … 60 s']);
  });

  test('quietly there is the output alone, for a document not even that', () => {
    expect(watched(undefined, { quiet: true, json: false }, '42\n')).toMatchObject({ out: '42\n', err: '' });
    expect(watched(undefined, { quiet: true, json: true }, null)).toMatchObject({ out: '', err: '' });
  });
});

describe('on a terminal', () => {
  test('output is shown as it comes, harmless, and not again', () => {
    const { out } = watched(80, PLAIN, '42\u001b[2J\n');
    expect(out).toBe('no42\ufffd[2J\n');
  });

  test('output that the receipt does not cover is followed by the one it covers', () => {
    expect(watched(80, PLAIN, '43\n').out).toMatch(/\nthe output that the receipt covers:\n43\n$/);
  });

  test('output that was cut is not taken for whole', () => {
    const steps = STEPS.toSpliced(-2, 0, { type: 'omitted', sequence: 12, at: 4200, attempt: 2, stream: 'stdout' });
    const { out, err } = watched(80, PLAIN, `42${'x'.repeat(100_000)}`, steps);
    expect(out.length).toBeLessThan(100);
    expect(err).toMatch(/--save keeps all of it in output\.txt/);
  });

  test('nothing streamed is printed at the end', () => {
    expect(watched(80, PLAIN, '42\n', STEPS.slice(0, 4)).out).toBe('42\n');
  });

  test('a step that takes long says for how many seconds, until the next one', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const clock = { now: FAKE_NOW };
    const plain = transcript({ cwd: '/', now: 0, columns: 80, env: { NO_COLOR: '1' } });
    const io = { ...plain, now: () => clock.now };
    const watch = new TaskWatch(io, PLAIN);
    watch.show({ type: 'writing', at: 0, sequence: 1, attempt: 1, ...MODEL });
    for (let second = 1; second <= 3; second++) {
      clock.now += 1000;
      vi.advanceTimersByTime(1000);
    }
    expect(plain.err()).toMatch(/\r… 1 s\r… 2 s\r… 3 s$/);
    watch.show({ type: 'sealing', at: 3000, sequence: 2 });
    expect(plain.err()).toMatch(/… 3 s\r {5}\r {3}3\.0 s {2}sealing/);
    watch.close();
    vi.advanceTimersByTime(5000);
    expect(plain.err()).toMatch(/signing the receipt\n$/);
  });
});

test('a clock that runs backwards takes no negative time', () => {
  const steps = numbered([
    { type: 'writing', at: 5000, attempt: 1, ...MODEL },
    { type: 'sealing', at: 1000 },
  ]);
  expect(watched(undefined, PLAIN, null, steps).seconds).toBe(0);
});
