/** A failed task says its reason once, and a hint that can help. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CATALOGUE } from '@assay/agent';
import { FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RecordedDemo } from '../index.ts';
import { printTaskFailure } from './task-failure.ts';

let bare = '';
let equipped = '';
beforeAll(async () => {
  bare = await mkdtemp(join(tmpdir(), 'assay-failure-'));
  equipped = await mkdtemp(join(tmpdir(), 'assay-failure-'));
  await mkdir(join(equipped, '.assay/sandbox/native/cp311'), { recursive: true });
  await writeFile(join(equipped, '.assay/sandbox/native/cp311/manifest.json'), JSON.stringify({ names: ['pandas 3.1.1'] }));
});
afterAll(() => Promise.all([bare, equipped].map((folder) => rm(folder, { recursive: true, force: true }))));

const small = CATALOGUE.find(({ writes }) => writes === 'words')?.name ?? expect.fail('no such model');
const RETRIES = 'hint: change the task, or raise --max-retries';
const MISSING = "Traceback\nModuleNotFoundError: PACKAGE_UNAVAILABLE: no module named 'pandas' in this sandbox";

interface Case {
  readonly name: string;
  readonly code: string;
  readonly error: string;
  readonly recordedDemos?: readonly RecordedDemo[];
  readonly model?: string;
  readonly isRecorded?: boolean;
  readonly isNamed?: boolean;
  readonly equipped?: boolean;
  readonly says: string;
}

const cases: readonly Case[] = [
  {
    name: 'code that fails',
    code: 'task/code-failed',
    error: 'Traceback\nValueError: no',
    says: `error: the task failed: ValueError: no [cli/task-failed]\n${RETRIES}\n`,
  },
  {
    name: 'a reply without code',
    code: 'model/no-code',
    error: 'no block',
    says: `error: the task failed: no block [cli/task-failed]\n${RETRIES}\n`,
  },
  {
    name: 'a reply without code, of a model for words',
    code: 'model/no-code',
    error: 'no block',
    model: small,
    says: `error: the task failed: no block [cli/task-failed]\nhint: ${small} is too small for programs, it writes words only; assay model fetch brings one that writes programs\n`,
  },
  {
    name: 'a model that does not answer',
    code: 'model/unreachable',
    error: 'the model does not answer; start it',
    says: 'error: the task failed: the model does not answer [cli/task-failed]\nhint: start it\n',
  },
  {
    name: 'a task that was cancelled',
    code: 'task/cancelled',
    error: 'the task was cancelled',
    says: 'error: the task failed: the task was cancelled [cli/task-failed]\nhint: run it again to have its answer\n',
  },
  {
    name: 'a package that is not installed',
    code: 'task/code-failed',
    error: MISSING,
    says: `error: the task failed: ${MISSING.split('\n')[1]} [cli/task-failed]\nhint: assay sandbox install brings numpy, pandas and matplotlib; restart the agent after it, or change the task\n`,
  },
  {
    name: 'a package that was installed while the agent ran',
    code: 'task/code-failed',
    error: MISSING,
    equipped: true,
    says: `error: the task failed: ${MISSING.split('\n')[1]} [cli/task-failed]\nhint: installed here are pandas 3.1.1; restart the agent to use them\n`,
  },
  {
    name: 'a package that an agent elsewhere lacks',
    code: 'task/code-failed',
    error: MISSING,
    equipped: true,
    isNamed: true,
    says: `error: the task failed: ${MISSING.split('\n')[1]} [cli/task-failed]\nhint: assay sandbox install brings numpy, pandas and matplotlib; restart the agent after it, or change the task\n`,
  },
  {
    name: 'a file of Python that is not there',
    code: 'task/code-failed',
    error: "Traceback\nFileNotFoundError: [Errno 2] No such file or directory: '/tmp/sales.csv'",
    says: "error: the task failed: FileNotFoundError: [Errno 2] No such file or directory: '/tmp/sales.csv' [cli/task-failed]\nhint: --file sales.csv gives the program that file\n",
  },
  {
    name: 'a file of JavaScript that is not there',
    code: 'task/code-failed',
    error: "Error: ENOENT: no such file or directory, open '/tmp/sales.csv'",
    says: "error: the task failed: Error: ENOENT: no such file or directory, open '/tmp/sales.csv' [cli/task-failed]\nhint: --file sales.csv gives the program that file\n",
  },
  {
    name: 'a recorded program that met another file than its sample',
    code: 'task/code-failed',
    error: "Traceback\nKeyError: 'sales'",
    isRecorded: true,
    says: "error: the task failed: KeyError: 'sales' [cli/task-failed]\nhint: a recorded program fits the sample files of its demo: leave out --file, or let a model write one: assay model fetch\n",
  },
  {
    name: 'a recorded program whose sandbox failed',
    code: 'sandbox/unavailable',
    error: 'the sandbox does not answer; start the agent again',
    isRecorded: true,
    says: 'error: the task failed: the sandbox does not answer [cli/task-failed]\nhint: start the agent again\n',
  },
  {
    name: 'a recorded program that needs packages',
    code: 'task/code-failed',
    error: MISSING,
    isRecorded: true,
    says: `error: the task failed: ${MISSING.split('\n')[1]} [cli/task-failed]\nhint: assay sandbox install brings numpy, pandas and matplotlib; restart the agent after it, or change the task\n`,
  },
  {
    name: 'no model',
    code: 'model/not-connected',
    error: 'no AI model is connected; fetch one. Recorded demos: "Plot" (python), "Say \u001b[31m" (javascript)',
    recordedDemos: [
      { description: "Plot Ada's sales", language: 'python', context: null, files: ['/tmp/sales.csv'] },
      { description: 'Say \u001b[31m', language: 'javascript', context: { rate: 0.05 }, files: [] },
    ],
    says: `error: the task failed: no AI model is connected [cli/task-failed]\nhint: assay model fetch brings a model that runs inside the agent; docs/settings.md names others\nrecorded demos, which need no model:\n  assay run 'Plot Ada'\\''s sales'\n  assay run 'Say \ufffd[31m' --language javascript --context '{"rate":0.05}'\n`,
  },
];

test.each(cases)(
  '$name',
  async ({ code, error, recordedDemos = [], model = 'gemma3:4b', isRecorded = false, isNamed = false, says, ...rest }) => {
    const io = transcript({ cwd: rest.equipped === true ? equipped : bare, now: FAKE_NOW });
    await printTaskFailure({ result: { error: { code, message: error }, recordedDemos }, model, isRecorded, isNamed }, io);
    expect(io.err()).toBe(says);
  },
);
