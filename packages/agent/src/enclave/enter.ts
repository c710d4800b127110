/** What an agent does first inside a Nitro enclave: entropy, network, keys of the host. Elsewhere it does nothing. */

import { existsSync } from 'node:fs';
import { askDevice, NSM_DEVICE } from '../adapters/attesters/nitro/nitro.ts';
import type { Environment } from '../env-file.ts';
import { AGENT_SETTINGS } from '../settings/agent-settings.ts';
import { readSettings, throwProblems } from '../settings/read-settings.ts';
import { seedEntropy } from './entropy.ts';
import { hostKeys } from './host-keys.ts';
import { bringUpNetwork } from './network.ts';
import { type Programs, systemPrograms } from './programs.ts';

/**
 * The environment with the keys of the host.
 * @throws {ServerError} `network/unavailable`, `attester/unavailable`, `config/bad-value`.
 * @example const environment = await enterEnclave(readEnvironment(file, process.env))
 */
export async function enterEnclave(environment: Environment, programs: Programs = systemPrograms): Promise<Environment> {
  const { ASSAY_ENCLAVE_NETWORK, ASSAY_HOST_KEYS, AGENT_PORT } = AGENT_SETTINGS;
  const { values, problems } = readSettings({ ASSAY_ENCLAVE_NETWORK, ASSAY_HOST_KEYS }, environment);
  throwProblems(problems);
  const network = values.ASSAY_ENCLAVE_NETWORK;
  // Outside of an enclave the configuration is read next, and names every bad setting at once.
  if (network === 'off') return environment;
  const listening = readSettings({ AGENT_PORT }, environment);
  throwProblems(listening.problems);
  if (existsSync(NSM_DEVICE)) await seedEntropy((request) => askDevice(request, { device: NSM_DEVICE }));
  await bringUpNetwork(network, { programs, port: listening.values.AGENT_PORT });
  if (values.ASSAY_HOST_KEYS === 'off') return environment;
  return { ...environment, ...(await hostKeys(network, programs)) };
}
