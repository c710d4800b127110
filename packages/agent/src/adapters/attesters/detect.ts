/**
 * Looks for the TEE that the agent runs in: the strongest one that answers. Without any, the simulator, whose evidence nobody
 * accepts who was not told to. A TEE that was asked for by name and does not answer is an error, never a simulation.
 */

import type { Clock } from '@assay/ledger';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';
import { openConfigfsTsmAttester } from './configfs-tsm.ts';
import { type GuestSimulators, openDstackAttester } from './dstack.ts';
import { openGramineAttester } from './gramine.ts';
import { openNitroAttester } from './nitro/nitro.ts';
import { createSimulatedSev, createSimulatedSgx, createSimulatedVendor } from './simulated/other-tees.ts';
import { createSimulatedAttester } from './simulated/simulated.ts';
import { openTappdAttester } from './tappd.ts';
import { openVendorAttester } from './vendor.ts';

export interface DetectOptions {
  /** `auto`, or the name of one attester. */
  readonly choice: string;
  /** Absolute path of the data directory. */
  readonly directory: string;
  readonly clock: Clock;
  /** Addresses of simulated guest agents, when the operator set them. */
  readonly simulators?: GuestSimulators;
  /** A vendor's key and name; without a key there is no vendor. */
  readonly vendor?: { readonly keyFile: string | null; readonly name: string };
}

/** One TEE to look for. */
interface Candidate {
  readonly name: string;
  /** `null` when the machine does not have it. Throws when it has and it does not work. */
  open(options: DetectOptions): Attester | null | Promise<Attester | null>;
}

/** What was found, and what was looked for in vain. */
export interface Detection {
  readonly attester: Attester;
  readonly absent: readonly string[];
}

/** Every TEE, strongest and most specific first; the simulator last. */
const CANDIDATES: readonly Candidate[] = [
  { name: 'nitro', open: () => openNitroAttester() },
  { name: 'gramine', open: () => openGramineAttester() },
  { name: 'dstack', open: ({ simulators }) => openDstackAttester(simulators?.dstack ?? null) },
  { name: 'tappd', open: ({ simulators }) => openTappdAttester(simulators?.tappd ?? null) },
  { name: 'configfs-tsm', open: () => openConfigfsTsmAttester() },
  {
    name: 'vendor',
    open: ({ vendor, clock }) => openVendorAttester({ keyFile: vendor?.keyFile ?? null, vendor: vendor?.name ?? '', clock }),
  },
  { name: 'simulated', open: ({ directory, clock }) => createSimulatedAttester({ directory, clock }) },
  // By name only: the one above always opens.
  {
    name: 'simulated-nitro',
    open: async ({ directory, clock }) => ({
      ...(await createSimulatedAttester({ directory, clock })),
      name: 'simulated Nitro',
    }),
  },
  { name: 'simulated-sgx', open: createSimulatedSgx },
  { name: 'simulated-sev', open: createSimulatedSev },
  { name: 'simulated-vendor', open: createSimulatedVendor },
];

/**
 * The attester of this machine.
 * @throws {ServerError} `attester/unavailable` when the one that was asked for is not there.
 */
export async function detectAttester(
  options: DetectOptions,
  candidates: readonly Candidate[] = CANDIDATES,
): Promise<Detection> {
  const absent: string[] = [];
  for (const candidate of candidates) {
    if (options.choice !== 'auto' && options.choice !== candidate.name) continue;
    const attester = await candidate.open(options);
    if (attester !== null) return { attester, absent };
    absent.push(candidate.name);
  }
  throw new ServerError(
    'attester/unavailable',
    `the TEE ${options.choice} is not there; run the agent in it, or unset ASSAY_ATTESTER`,
    { details: { absent } },
  );
}
