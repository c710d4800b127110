/** Waits for a cell's first frame, so that a sandbox that cannot start is found out before a job is given to it. */

import type { Readable } from 'node:stream';
import { SandboxError } from '../errors.ts';
import { FrameReader } from '../frames.ts';
import { type CellEnd, FRAME } from './cell.ts';

const START_MS = 20_000;
const MAX_COMPLAINT = 2_000;

interface Starting {
  readonly control: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<CellEnd>;
}

/**
 * Resolves with the first frame, which must be `ready`. Leaves the streams paused, with nothing consumed beyond that frame.
 *
 * @throws {SandboxError} `sandbox/start-failed`, with what the launcher wrote on standard error.
 */
export async function waitUntilReady(cell: Starting): Promise<void> {
  let complaint = '';
  const listen = (chunk: Buffer): void => {
    if (complaint.length < MAX_COMPLAINT) complaint += chunk.toString('utf8').slice(0, MAX_COMPLAINT);
  };
  cell.stderr.on('data', listen);
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      firstFrame(cell.control),
      cell.ended.then(({ exitCode, signal }) => {
        throw new Error(`it ended at once (${signal ?? exitCode})`);
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`it was not ready after ${START_MS} ms`)), START_MS);
      }),
    ]);
  } catch (cause) {
    await new Promise((resolve) => setImmediate(resolve));
    const detail = complaint.trim().split('\n')[0] ?? '';
    throw new SandboxError(
      'sandbox/start-failed',
      `the sandbox did not start: ${(cause as Error).message}${detail === '' ? '' : `: ${detail}`}; see 'assay doctor'`,
      { cause },
    );
  } finally {
    clearTimeout(timer);
    cell.stderr.off('data', listen);
    cell.stderr.pause();
    cell.control.pause();
  }
}

function firstFrame(control: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader({ maxFrameBytes: 4096, maxHeadBytes: 2048 });
    const stop = (error: Error | null): void => {
      control.off('data', receive);
      control.off('error', stop);
      if (error === null) resolve();
      else reject(error);
    };
    const receive = (chunk: Buffer): void => {
      try {
        const frame = reader.push(chunk)[0];
        if (frame === undefined) return;
        stop(frame.type === FRAME.ready ? null : new Error('it did not say ready'));
      } catch (error) {
        stop(error as Error);
      }
    };
    control.on('data', receive);
    control.on('error', stop);
  });
}
