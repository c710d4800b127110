/**
 * The sets of Python packages that native lanes can offer, one image each: what programs import, and what analyses contracts. They are
 * apart, so that neither sees the other's packages and each has an environment digest of its own.
 */

import type { ExecutionLimits } from '@assay/receipt';
import { DEFAULT_LIMITS } from '../port.ts';

/** Sets of pinned packages that a native lane can have installed. */
export type ImageKind = 'native' | 'slither';

export interface Image {
  /** The pinned list in `runners/`. */
  readonly list: string;
  /** Named first. */
  readonly main: readonly string[];
  /** Has matplotlib, whose font cache is made at installation. */
  readonly fonts: boolean;
  /** Files of packages that are left out, below the folder of packages. */
  readonly leftOut: readonly string[];
  /** Package → module that the fork server imports once for all cells. */
  readonly preload: Readonly<Record<string, string>>;
  /** Limits of a job that sets none; cells that wait are started with them. */
  readonly limits: ExecutionLimits;
}

const MIB = 1024 * 1024;

export const IMAGES: Readonly<Record<ImageKind, Image>> = {
  native: {
    list: 'python-packages.txt',
    main: ['numpy', 'pandas', 'matplotlib', 'requests'],
    fonts: true,
    leftOut: [],
    preload: { numpy: 'numpy', pandas: 'pandas', matplotlib: 'matplotlib.pyplot' },
    limits: DEFAULT_LIMITS,
  },
  slither: {
    list: 'slither-packages.txt',
    main: ['slither-analyzer', 'crytic-compile'],
    fonts: false,
    // There is no network for it, and tools of some machines add their own roots to every such file they find.
    leftOut: ['certifi/cacert.pem'],
    preload: { 'crytic-compile': 'crytic_compile.platform.archive', 'slither-analyzer': 'slither.detectors.all_detectors' },
    limits: { ...DEFAULT_LIMITS, wallMs: 120_000, cpuMs: 120_000, memoryBytes: 1536 * MIB, diskBytes: 128 * MIB },
  },
};
