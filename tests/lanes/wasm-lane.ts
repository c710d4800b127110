/** An opened wasm lane for the tests of one file: one snapshot for all files, closed at their end. */

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { Sandbox, SandboxEvent, SandboxJob, SandboxResult } from '../../packages/sandbox/src/port.ts';
import { wasmLane } from '../../packages/sandbox/src/wasm/lane.ts';

/** Where the tests keep the snapshot, so that it is made once. */
export const WASM_DIRECTORY: string = fileURLToPath(new URL('../../node_modules/.cache/assay-tests', import.meta.url));

export interface WasmTestLane {
  /** The lane; only inside tests and hooks. */
  sandbox(): Sandbox;
  events(job: SandboxJob): Promise<readonly SandboxEvent[]>;
  run(job: SandboxJob): Promise<SandboxResult>;
  javascript(code: string, more?: Partial<SandboxJob>): Promise<SandboxResult>;
  python(code: string, more?: Partial<SandboxJob>): Promise<SandboxResult>;
}

/** Opens the lane before the tests of the calling file. */
export function wasmTestLane(): WasmTestLane {
  let opened: Sandbox | null = null;
  const sandbox = (): Sandbox => {
    if (opened === null) throw new Error('the lane opens before the first test');
    return opened;
  };
  beforeAll(async () => {
    opened = await wasmLane.open({ directory: WASM_DIRECTORY, warm: 1, concurrency: 2 });
  }, 120_000);
  afterAll(() => opened?.close());
  const events = async (job: SandboxJob): Promise<readonly SandboxEvent[]> => {
    const seen: SandboxEvent[] = [];
    for await (const event of sandbox().run(job)) seen.push(event);
    return seen;
  };
  const run = async (job: SandboxJob): Promise<SandboxResult> => {
    const last = (await events(job)).at(-1);
    if (last?.type !== 'result') throw new Error('expected a result');
    return last.result;
  };
  return {
    sandbox,
    events,
    run,
    javascript: (code, more = {}) => run({ language: 'javascript', code, ...more }),
    python: (code, more = {}) => run({ language: 'python', code, ...more }),
  };
}
