/** An older Node gets one line that names the version wanted, before anything else of the program is loaded. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const PROGRAM = new URL('../../packages/assay/bin/assay.js', import.meta.url).pathname;
/** Makes Node call itself another version. */
const calledVersion = (version: string): string =>
  `data:text/javascript,Object.defineProperty(process,'version',{value:${JSON.stringify(version)}})`;

test.each(['v8.10.0', 'v20.20.2', 'v22.11.0'])('%s', async (version) => {
  const ended = run(process.execPath, ['--import', calledVersion(version), PROGRAM, 'serve']);
  await expect(ended).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: `error: expected Node 22.12 or newer, got ${version}; install one from https://nodejs.org (in a clone, npm start brings its own)\n`,
  });
});

test.each(['v22.12.0', 'v24.0.0'])('%s runs', async (version) => {
  const { stdout } = await run(process.execPath, ['--import', calledVersion(version), PROGRAM, '--help']);
  expect(stdout).toContain('assay');
});
