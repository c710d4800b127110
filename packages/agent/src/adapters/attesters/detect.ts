/**
 * Looks for the TEE that the agent runs in: the strongest one that answers. Without any, the simulator; its evidence is rejected unless the
 * policy names its root. A TEE that was asked for by name and does not answer is an error, never a simulation.
 */

import type { Clock } from '@assay/ledger';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';
import { openConfigfsTsmAttester } from './configfs-tsm.ts';
import { type GuestSimulators, openDstackAttester } from './dstack.ts';
import { openGramineAttester } from './gramine.ts';
import { guarded } from './guarded.ts';
import { openNitroAttester } from './nitro/nitro.ts';
import { findGpuTool, type GpuEvidence, withGpus } from './nvidia.ts';
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
  /** Whether GPUs attest, too; not when left out. */
  readonly gpus?: GpuEvidence;
}

/** One TEE to look for. */
export interface Candidate {
  readonly name: string;
  /** What a machine must have for it; `null` for simulators. */
  readonly needs: string | null;
  /** `null` when the machine does not have it. Throws when it has and it does not work. */
  open(options: DetectOptions): Attester | null | Promise<Attester | null>;
}

/** What was found, and what was looked for in vain. */
export interface Detection {
  readonly attester: Attester;
  readonly absent: readonly string[];
}

/** A simulated CPU next to real GPUs would only confuse: it attests alone, unless GPUs were demanded. */
async function alsoGpus(attester: Attester, { gpus = 'off' }: DetectOptions): Promise<Attester> {
  if (gpus === 'off' || (gpus === 'auto' && attester.simulated)) return attester;
  return withGpus(attester, { wish: gpus, tool: await findGpuTool() });
}

/** Every TEE, strongest and most specific first; the simulator last. */
export const CANDIDATES: readonly Candidate[] = [
  { name: 'nitro', needs: 'an AWS Nitro enclave, with the device /dev/nsm; see deploy/nitro', open: () => openNitroAttester() },
  {
    name: 'gramine',
    needs: 'Gramine on an Intel SGX machine, with remote attestation "dcap"; see deploy/gramine',
    open: () => openGramineAttester(),
  },
  {
    name: 'dstack',
    needs: 'a dstack guest, with its socket /var/run/dstack.sock mounted; see deploy/dstack',
    open: ({ simulators }) => openDstackAttester(simulators?.dstack ?? null),
  },
  {
    name: 'tappd',
    needs: 'an older dstack guest, with its socket /var/run/tappd.sock mounted',
    open: ({ simulators }) => openTappdAttester(simulators?.tappd ?? null),
  },
  {
    name: 'configfs-tsm',
    needs: 'a TDX or SEV-SNP guest with Linux 6.7 or later, and /sys/kernel/config mounted and writable; see deploy/cvm',
    open: () => openConfigfsTsmAttester(),
  },
  {
    name: 'vendor',
    needs: "a vendor's key, named by ASSAY_VENDOR_KEY; no hardware stands behind it",
    open: ({ vendor, clock }) => openVendorAttester({ keyFile: vendor?.keyFile ?? null, vendor: vendor?.name ?? '', clock }),
  },
  { name: 'simulated', needs: null, open: ({ directory, clock }) => createSimulatedAttester({ directory, clock }) },
  // By name only: the one above always opens.
  {
    name: 'simulated-nitro',
    needs: null,
    open: async ({ directory, clock }) => ({
      ...(await createSimulatedAttester({ directory, clock })),
      name: 'simulated Nitro',
    }),
  },
  { name: 'simulated-sgx', needs: null, open: createSimulatedSgx },
  { name: 'simulated-sev', needs: null, open: createSimulatedSev },
  { name: 'simulated-vendor', needs: null, open: createSimulatedVendor },
];

/**
 * The attester of this machine.
 * @throws {ServerError} `attester/unavailable` when the one that was asked for is not there.
 * @example const { attester } = await detectAttester({ choice: 'auto', directory: '/var/lib/assay', clock: { now: Date.now } })
 */
export async function detectAttester(
  options: DetectOptions,
  candidates: readonly Candidate[] = CANDIDATES,
): Promise<Detection> {
  const absent: string[] = [];
  for (const candidate of candidates) {
    if (options.choice !== 'auto' && options.choice !== candidate.name) continue;
    const attester = await candidate.open(options);
    if (attester !== null) return { attester: guarded(await alsoGpus(attester, options)), absent };
    absent.push(candidate.name);
  }
  throw new ServerError(
    'attester/unavailable',
    `the TEE ${options.choice} is not there; run the agent in it, or unset ASSAY_ATTESTER`,
    { details: { absent } },
  );
}
