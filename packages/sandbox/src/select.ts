/**
 * Picks the strongest lane that passes its own hostile self-test on this machine. Below `minIsolation` nothing starts: there is
 * no fallback to running code on the host (design rule 10).
 */

import type { IsolationLevel, SandboxLane } from '@assay/receipt';
import { SandboxError } from './errors.ts';
import { landlockLane } from './landlock/landlock.ts';
import type { Lane, LaneOptions } from './lane.ts';
import { linuxNsLane } from './linux-ns/linux-ns.ts';
import type { Sandbox } from './port.ts';
import { wasmLane } from './wasm/lane.ts';

/** Every lane, strongest first. */
export const LANES: readonly Lane[] = [linuxNsLane, wasmLane, landlockLane];

const STRENGTH: Readonly<Record<IsolationLevel, number>> = { reduced: 0, wasm: 1, ns: 2 };

export interface SandboxOptions extends LaneOptions {
  /** Weakest isolation that may serve. */
  readonly minIsolation: IsolationLevel;
  /** Try this lane first; the others follow in order of strength. It never lowers `minIsolation`. */
  readonly prefer?: SandboxLane;
}

/** Why a lane does not serve here. */
export interface LaneRefusal {
  readonly lane: SandboxLane;
  readonly reason: string;
}

/** What was chosen and what was passed over, for the start-up message and `assay doctor`. */
export interface SandboxSelection {
  readonly sandbox: Sandbox;
  readonly refused: readonly LaneRefusal[];
}

/**
 * Opens the strongest lane that works here, and says which lanes were passed over and why. `lanes` can be replaced by tests.
 *
 * @throws {SandboxError} `sandbox/unavailable` when no lane at or above `minIsolation` passes its self-test; the message and
 * `details.refused` say why, lane by lane.
 *
 * @example
 * const { sandbox } = await selectSandbox({ minIsolation: 'wasm', directory: '.assay' });
 */
export async function selectSandbox(options: SandboxOptions, lanes: readonly Lane[] = LANES): Promise<SandboxSelection> {
  const refused: LaneRefusal[] = [];
  const preferred = lanes.filter((lane) => lane.name === options.prefer);
  for (const lane of [...preferred, ...lanes.filter((other) => other.name !== options.prefer)]) {
    if (STRENGTH[lane.isolation] < STRENGTH[options.minIsolation]) {
      refused.push({ lane: lane.name, reason: `isolation ${lane.isolation} is below the minimum ${options.minIsolation}` });
      continue;
    }
    try {
      return { sandbox: await lane.open(options), refused };
    } catch (error) {
      refused.push({ lane: lane.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  const reasons = refused.map(({ lane, reason }) => `${lane}: ${reason}`).join('; ');
  throw new SandboxError(
    'sandbox/unavailable',
    `no sandbox with isolation ${options.minIsolation} or better works here, so no code will run (${reasons || 'no lanes'}); run 'assay doctor'`,
    { details: { refused } },
  );
}
