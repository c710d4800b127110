/**
 * The secret that the platform gives to this application, under which the ledger seals the file of its data key. For the agent, and for commands that
 * work on its store in the same guest.
 */

import type { PlatformSecret } from '@assay/ledger';
import type { Attester } from '../../ports/attester.ts';
import type { DetectOptions } from './detect.ts';
import { openDstackAttester } from './dstack.ts';
import { openTappdAttester } from './tappd.ts';

/**
 * The secret by an attester; `null` where the platform has none that outlives an upgrade.
 * @throws {ServerError} `attester/unavailable`.
 */
export async function applicationSecret(attester: Attester): Promise<PlatformSecret | null> {
  const bytes = await attester.dataKeySecret?.();
  return bytes === undefined ? null : { bytes, simulated: attester.simulated };
}

/**
 * The secret that an agent with these settings gets here; `null` for none. Looks for guest agents alone.
 * @throws {ServerError} `attester/unavailable`.
 * @example await findApplicationSecret({ choice: 'auto', simulators: config.guestSimulators })
 */
export async function findApplicationSecret({
  choice,
  simulators,
}: Pick<DetectOptions, 'choice' | 'simulators'>): Promise<PlatformSecret | null> {
  const places: Readonly<Record<string, () => Attester | null>> = {
    dstack: () => openDstackAttester(simulators?.dstack ?? null),
    tappd: () => openTappdAttester(simulators?.tappd ?? null),
  };
  for (const [name, open] of Object.entries(places)) {
    const attester = choice === 'auto' || choice === name ? open() : null;
    if (attester !== null) return applicationSecret(attester);
  }
  return null;
}
