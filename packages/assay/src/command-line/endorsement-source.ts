/** Where the command line fetches endorsements: vendor services unless the environment names others, with the cache on disk. */

import type { EndorsementServices, EndorsementSource } from '@assay/attestation/endorsements';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { cacheDirectory, diskCache } from './collateral-cache.ts';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

const SETTINGS: Readonly<Record<keyof EndorsementServices, string>> = {
  intel: 'ASSAY_PCCS_URL',
  intelRootCrl: 'ASSAY_INTEL_ROOT_CRL_URL',
  amd: 'ASSAY_AMD_KDS_URL',
  nvidiaRim: 'ASSAY_NVIDIA_RIM_URL',
  nvidiaOcsp: 'ASSAY_NVIDIA_OCSP_URL',
};

/** @throws {CliError} `cli/bad-option` when a setting is no URL. */
export function endorsementSource(io: Io, offline: boolean): EndorsementSource {
  const services = Object.entries(SETTINGS).flatMap(([service, setting]) => {
    const value = io.env[setting];
    if (value === undefined || value === '') return [];
    if (!URL.canParse(value) || !/^https?:/.test(value)) {
      throw new CliError('cli/bad-option', `${setting}: expected a URL, got ${JSON.stringify(value)}; mend the environment`);
    }
    return [[service, withoutTrailing(value, '/')] as const];
  });
  return {
    fetch: io.fetch,
    now: io.now(),
    cache: diskCache(cacheDirectory(io)),
    offline,
    services: Object.fromEntries(services),
    signal: io.signal,
  };
}
