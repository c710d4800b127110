/**
 * Installs packages for several lanes, each on its own: a machine without Python, or without the way to one registry, still gets the other.
 * What failed decides the exit code, so that half an installation never looks whole.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { EXIT, type ExitCode, exitCodeOfKind } from './exit-codes.ts';
import type { Io } from './io.ts';
import { printable, printError } from './output.ts';

export interface LaneInstall {
  readonly lane: string;
  /** Names of the packages installed. */
  install(): Promise<readonly string[]>;
}

/**
 * @returns the exit code of the first failure, 0 without one.
 * @throws an error that has no code; the only lane's own error.
 * @example await installLanes([{ lane: 'wasm', install: async () => ['numpy 2.2.5'] }], io)
 */
export async function installLanes(lanes: readonly LaneInstall[], io: Io): Promise<ExitCode> {
  const failures: ExitCode[] = [];
  for (const { lane, install } of lanes) {
    try {
      io.stdout(`${lane}: installed ${printable((await install()).join(', '))}\n`);
    } catch (error) {
      if (lanes.length === 1 || !isCoded(error)) throw error;
      printError(error, io);
      io.stderr(`hint: assay sandbox install --lane ${lane} tries that lane again\n`);
      failures.push(exitCodeOfKind(error.kind));
    }
  }
  return failures[0] ?? EXIT.accepted;
}
