/** Proves that one program gets one answer in every lane: each row of the tables beside this file in linux-ns, wasm and landlock. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionLanguage } from '@assay/receipt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox, SandboxResult } from '../../packages/sandbox/src/port.ts';
import { LANES } from '../../packages/sandbox/src/select.ts';
import { JAVASCRIPT_PROGRAMS } from './javascript-programs.ts';
import type { LaneProgram } from './program.ts';
import { PYTHON_PROGRAMS } from './python-programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-lanes-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(sandbox: Sandbox, language: ExecutionLanguage, program: LaneProgram): Promise<SandboxResult> {
  const { code, files = [], argv = [], stdin = '' } = program;
  for await (const event of sandbox.run({ language, code, files, argv, stdin }))
    if (event.type === 'result') return event.result;
  throw new Error('the run ended without a result');
}

/** The parts of a result that the row says something about, in the row's own form. */
function told(result: SandboxResult, program: LaneProgram): object {
  const artifacts = result.artifacts.map(({ path, bytes }) => [path.replace('/tmp/', ''), Buffer.from(bytes).toString()]);
  return {
    error: result.error?.name ?? null,
    ...(program.stdout === undefined ? {} : { stdout: result.stdout.text }),
    ...(program.stderr === undefined ? {} : { stderr: result.stderr.text }),
    ...(program.message === undefined ? {} : { message: result.error?.message }),
    ...(program.value === undefined ? {} : { value: result.value }),
    ...(program.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(program.skipped === undefined ? {} : { skipped: result.skipped.length }),
    ...(program.artifacts === undefined ? {} : { artifacts: Object.fromEntries(artifacts) }),
  };
}

function wanted({ name: _, code: _c, files: _f, argv: _a, stdin: _s, ...rest }: LaneProgram): object {
  const matching = (text: string | RegExp): unknown => (text instanceof RegExp ? expect.stringMatching(text) : text);
  const { artifacts, stderr, message, ...plain } = rest;
  return {
    error: null,
    ...plain,
    ...(stderr === undefined ? {} : { stderr: matching(stderr) }),
    ...(message === undefined ? {} : { message: matching(message) }),
    ...(artifacts === undefined
      ? {}
      : { artifacts: Object.fromEntries(Object.entries(artifacts).map(([path, text]) => [path, matching(text)])) }),
  };
}

for (const lane of LANES) {
  describe(`programs in ${lane.name}`, () => {
    let sandbox: Sandbox | null = null;
    beforeAll(async () => {
      try {
        sandbox = await lane.open({ directory, warm: 1, concurrency: 2 });
      } catch (error) {
        console.warn(`\n*** programs NOT RUN in lane ${lane.name}: ${(error as Error).message}\n`);
      }
    });
    afterAll(() => sandbox?.close());

    it.for([
      ...PYTHON_PROGRAMS.map((program) => ({ language: 'python' as const, name: program.name, program })),
      ...JAVASCRIPT_PROGRAMS.map((program) => ({ language: 'javascript' as const, name: program.name, program })),
    ])('$language: $name', async ({ language, program }, context) => {
      if (sandbox === null) return context.skip();
      expect(told(await run(sandbox, language, program), program)).toEqual(wanted(program));
    });
  });
}
