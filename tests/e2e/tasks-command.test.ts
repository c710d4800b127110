/** `assay tasks` against a real agent: list, show, watch, cancel. The model is a local stand-in. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { fenced, type OpenAiServer, startOpenAiServer, transcript } from '@assay/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

let directory = '';
let model: OpenAiServer;
let agent: RunningAgent;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-tasks-command-'));
  model = await startOpenAiServer({
    answers: ({ body }) => {
      const task = body.messages[1]?.content ?? '';
      if (task.includes('for ever')) return fenced('javascript', 'console.log("begun"); while (true);');
      if (task.includes('fail')) return fenced('javascript', 'throw new Error("no \u001b[31mred")');
      return fenced('javascript', 'console.log(6 * 7)');
    },
  });
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(directory, '.assay'),
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  await agent.ready;
}, 120_000);

afterAll(async () => {
  await agent?.close();
  await model?.close();
  await rm(directory, { recursive: true, force: true });
});

async function assay(...args: readonly string[]) {
  const io = transcript({ cwd: directory, now: Date.now(), env: { ASSAY_URL: agent.url }, fetch: globalThis.fetch });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

/** Of the newest task. */
async function newest(...args: readonly string[]): Promise<string> {
  const { out } = await assay('tasks', 'list', '--json', ...args);
  return (JSON.parse(out) as { tasks: { task_id: string }[] }).tasks[0]?.task_id ?? expect.fail(`no task in ${out}`);
}

test('tasks are listed, shown, watched to their verified answer, and cancelled', { timeout: 120_000 }, async () => {
  expect(await assay('tasks', 'list')).toMatchObject({ code: 0, out: 'no tasks yet\n' });
  const command = ['--language', 'javascript', '--quiet', '--max-retries', '0'];
  expect((await assay('run', 'Multiply six by seven', ...command)).code).toBe(0);
  expect((await assay('run', 'Make it fail', ...command)).code).toBe(6);

  const listed = await assay('tasks', 'list');
  expect(listed.out).toMatch(
    /task +status +begun +took +title\n.* failed .*Make it fail\n.* succeeded .*Multiply six by seven\n/,
  );
  expect(listed.out).toMatch(/ {2}20\d\d-\d\d-\d\dT\d\d:\d\dZ {2}/);
  expect((await assay('tasks', 'list', '--search', 'SIX', '--status', 'succeeded')).out).not.toContain('Make it fail');
  expect((await assay('tasks', 'list', '--search', 'none of them')).out).toBe('no such task\n');
  expect((await assay('tasks', 'list', '--limit', '1')).err).toContain('hint: there are more');

  const failed = await newest('--status', 'failed');
  const shown = await assay('tasks', 'show', failed);
  expect(shown.code).toBe(0);
  expect(shown.out).toMatch(
    /status +failed +task\/code-failed\n[\s\S]*attempt 1 .*written by the model\n[\s\S]*code\n +throw new Error/,
  );
  expect(shown.out).toContain('no \ufffd[31mred');
  expect(shown.err).toMatch(/hint: told by the agent; assay bundle rcpt_/);
  expect(JSON.parse((await assay('tasks', 'show', failed, '--json')).out)).toMatchObject({
    status: 'failed',
    attempts_made: [{ attempt: 1, state: 'failed' }],
  });
  expect((await assay('tasks', 'watch', failed)).code).toBe(6);

  const done = await newest('--status', 'succeeded');
  const watched = await assay('tasks', 'watch', done, '--save', 'out');
  expect(watched).toMatchObject({ code: 0, out: '42\n' });
  expect(watched.err).toContain('hint: check it with assay verify out/bundle.json --simulated-root .assay/simulated-root.pem');
  expect(await readFile(join(directory, 'out/output.txt'), 'utf8')).toBe('42\n');

  const receipt = (JSON.parse((await assay('tasks', 'show', done, '--json')).out) as { receipt_id: string }).receipt_id;
  expect((await assay('bundle', receipt, '-o', 'one.json')).out).toMatch(
    /check it with assay verify one\.json --simulated-root \.assay\/simulated-root\.pem\n$/,
  );

  const endless = assay('run', 'Run for ever', ...command);
  const running = await vi.waitFor(() => newest('--status', 'running'), { timeout: 60_000 });
  expect((await assay('tasks', 'show', running)).err).toContain(`assay tasks watch ${running} follows it`);
  const cancelled = await assay('tasks', 'cancel', running);
  expect([cancelled.code, cancelled.out]).toEqual([0, expect.stringMatching(/: (running|cancelled)\n$/)]);
  expect((await endless).code).toBe(6);
  expect(JSON.parse((await assay('tasks', 'show', running, '--json')).out)).toMatchObject({ status: 'cancelled' });
});

test.each<[string, readonly string[], number, RegExp]>([
  ['an unknown task', ['show', 'task_none'], 1, /\[client\/not-found\]/],
  ['a state that is none', ['list', '--status', 'failled'], 1, /failed.*\[cli\/bad-option\]/s],
  ['no number', ['list', '--limit', '0'], 1, /from 1 to 200, got "0".*\[cli\/bad-option\]/],
  ['more than are listed', ['list', '--limit', '201'], 1, /\[cli\/bad-option\]/],
])('%s', async (_, args, code, words) => {
  const refused = await assay('tasks', ...args);
  expect([refused.code, refused.out]).toEqual([code, '']);
  expect(refused.err).toMatch(words);
});
