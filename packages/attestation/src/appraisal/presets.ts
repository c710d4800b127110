/**
 * Named policies. `default` is what applies when no policy is given: authenticity, debug and TCB as strictly as `strict`, with
 * measurements and age left open, because the wanted ones are not known.
 */

import type { Policy } from '../model/policy.ts';

const STRICT_STATUSES = ['UpToDate'] as const;
const MODERATE_STATUSES = [
  ...STRICT_STATUSES,
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
] as const;

/**
 * The policy of callers that name none: refuses debug mode and firmware that is not up to date. Measurements and age
 * are not checked.
 */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  name: 'default',
  description: 'Authentic, not debuggable, firmware up to date. Measurements and age are not checked.',
  debug: 'refuse',
  tcb: { statuses: STRICT_STATUSES },
  nonce: 'when-given',
};

/** The preset `strict`; its own `description` says what it accepts. */
export const STRICT_POLICY: Policy = {
  version: 1,
  name: 'strict',
  description: 'Hardware evidence at most an hour old, firmware up to date, no product whose root secrets leak.',
  types: ['nitro', 'sgx', 'tdx', 'sev-snp', 'nvidia-gpu', 'nvidia-switch', 'dstack', 'tpm', 'token', 'combined'],
  simulated: 'refuse',
  debug: 'refuse',
  hostRequested: 'refuse',
  tcb: { statuses: STRICT_STATUSES },
  freshness: { maxAgeSeconds: 3600, skewSeconds: 60, required: false },
  nonce: 'when-given',
  refusedProducts: ['Milan'],
};

/** The preset `moderate`; its own `description` says what it accepts. */
export const MODERATE_POLICY: Policy = {
  version: 1,
  name: 'moderate',
  description: 'At most two hours old; firmware may lack settings or software hardening, not updates.',
  types: [
    'nitro',
    'sgx',
    'tdx',
    'sev-snp',
    'nvidia-gpu',
    'nvidia-switch',
    'dstack',
    'tpm',
    'token',
    'vendor-commitment',
    'combined',
  ],
  debug: 'refuse',
  tcb: { statuses: MODERATE_STATUSES },
  freshness: { maxAgeSeconds: 7200, skewSeconds: 300, required: false },
  nonce: 'when-given',
};

/** The preset `relaxed`, for development; its own `description` says what it accepts. */
export const RELAXED_POLICY: Policy = {
  version: 1,
  name: 'relaxed',
  description: 'For development: at most a day old, debug allowed, firmware may be behind but not revoked.',
  debug: 'allow',
  tcb: {
    statuses: [
      ...MODERATE_STATUSES,
      'OutOfDate',
      'OutOfDateConfigurationNeeded',
      'TDRelaunchAdvised',
      'TDRelaunchAdvisedConfigurationNeeded',
    ],
  },
  freshness: { maxAgeSeconds: 86_400, skewSeconds: 300, required: false },
  nonce: 'when-given',
};

export const POLICY_PRESETS = {
  strict: STRICT_POLICY,
  moderate: MODERATE_POLICY,
  relaxed: RELAXED_POLICY,
} as const satisfies Readonly<Record<string, Policy>>;

/** Names of the presets. */
export type PolicyPreset = keyof typeof POLICY_PRESETS;
