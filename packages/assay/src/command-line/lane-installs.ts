/**
 * Installs packages for several lanes, each on its own: a machine without Python, or without the way to one registry, still gets the other.
 * What failed is returned by lane: it counts where an agent here would run code in that lane.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { EXIT, type ExitCode, exitCodeOfKind } from './exit-codes.ts';
import type { Io } from './io.ts';
import { shortList } from './layout.ts';
import { printable, printError } from './output.ts';

export interface LaneInstall {
  readonly lane: string;
  /** Names of the packages installed. */
  install(): Promise<readonly string[]>;
}

/**
 * @returns the exit code of each lane that failed.
 * @throws an error that has no code; the only lane's own error.
 * @example await installLanes([{ lane: 'wasm', install: async () => ['numpy 2.2.5'] }], io)
 */
export async function installLanes(lanes: readonly LaneInstall[], io: Io): Promise<ReadonlyMap<string, ExitCode>> {
  const failures = new Map<string, ExitCode>();
  for (const { lane, install } of lanes) {
    try {
      io.stdout(`${lane}: installed ${printable(shortList(await install()))}\n`);
    } catch (error) {
      if (lanes.length === 1 || !isCoded(error)) throw error;
      printError(error, io);
      io.stderr(`hint: assay sandbox install --lane ${lane} tries that lane again\n`);
      failures.set(lane, exitCodeOfKind(error.kind));
    }
  }
  return failures;
}

export interface ChosenLane {
  /** The lane that an agent here takes. */
  readonly lane: string;
  /** Its programs find packages. */
  readonly isReady: boolean;
  readonly failures: ReadonlyMap<string, ExitCode>;
}

/**
 * Whether the agent's lane is ready. A lane that failed and that the agent does not take is named, and changes nothing.
 * @example standingOf({ lane: 'wasm', isReady: true, failures: new Map([['native', 4]]) }) // { code: 0, words: 'ready (the agent does not need native, which failed)' }
 */
export function standingOf({ lane, isReady, failures }: ChosenLane): { readonly code: ExitCode; readonly words: string } {
  const own = lane === 'wasm' ? 'wasm' : 'native';
  const failed = failures.get(own);
  if (failed !== undefined) return { code: failed, words: 'not ready' };
  const [other, code = EXIT.accepted] = [...failures][0] ?? [];
  if (!isReady) return { code, words: code === EXIT.accepted ? 'installed for another lane' : 'not ready' };
  return {
    code: EXIT.accepted,
    words: other === undefined ? 'ready' : `ready (the agent does not need ${other}, which failed)`,
  };
}
