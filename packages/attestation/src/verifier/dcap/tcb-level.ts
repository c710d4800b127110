/**
 * Matches a platform, its TDX module and its quoting enclave with Intel's TCB levels, and merges the three standings into one.
 * Source: Intel DCAP quote verification library, "TCB evaluation" (specification items 4.1.2.5.18 to .20); Intel PCS API,
 * "How to determine TCB status". Checked against the C++ library on every vector.
 * Not decided here: which standing is good enough; that is appraisal/.
 */

import type { PckExtensions } from '../../evidence/dcap/pck-extensions.ts';
import type {
  ModuleTcbStatus,
  PlatformTcbLevel,
  PlatformTcbStatus,
  SvnLevel,
  TcbInfo,
  TdxModuleIdentity,
} from '../../evidence/dcap/tcb-info.ts';

/** Intel's statuses, the two that only a running TD can have, and one for a platform below every level Intel lists. */
export type TcbStatus = PlatformTcbStatus | 'TDRelaunchAdvised' | 'TDRelaunchAdvisedConfigurationNeeded' | 'TcbNotSupported';

export interface TcbEvaluation {
  readonly status: TcbStatus;
  /** Sorted, each once: the platform's, the quoting enclave's and the TDX module's. */
  readonly advisories: readonly string[];
  /** The oldest date among the matched levels, epoch milliseconds; `null` when no level matched. */
  readonly date: number | null;
  /** The parts that were merged, for people; `null` where no level matched. */
  readonly platform: PlatformTcbStatus | null;
  readonly quotingEnclave: ModuleTcbStatus | null;
  readonly tdxModule: ModuleTcbStatus | null;
}

/** What a quote and its PCK certificate say about versions. */
export interface TcbFacts {
  readonly pck: Pick<PckExtensions, 'tcbComponents' | 'pceSvn'>;
  readonly qeIsvSvn: number;
  /** TEE_TCB_SVN or TEE_TCB_SVN_2, 16 bytes; `null` for SGX. */
  readonly teeTcbSvn: Uint8Array | null;
}

const NOT_SUPPORTED: TcbEvaluation = {
  status: 'TcbNotSupported',
  advisories: [],
  date: null,
  platform: null,
  quotingEnclave: null,
  tdxModule: null,
};

/** Index of the TDX module's minor SVN and major version in TEE_TCB_SVN. */
const MODULE_SVN = 0;
const MODULE_VERSION = 1;

/**
 * The standing of one set of versions.
 * @param facts versions from the quote and the PCK certificate.
 * @param tcbInfo authenticated TCB info for the platform.
 * @param qeLevels levels of the authenticated QE identity, highest first.
 */
export function evaluateTcb(facts: TcbFacts, tcbInfo: TcbInfo, qeLevels: readonly SvnLevel[]): TcbEvaluation {
  const platform = tcbInfo.levels.find((level) => covers(facts, level));
  const quotingEnclave = qeLevels.find((level) => level.isvSvn <= facts.qeIsvSvn);
  if (platform === undefined || quotingEnclave === undefined) return NOT_SUPPORTED;
  const parts: (PlatformTcbLevel | SvnLevel)[] = [platform, quotingEnclave];
  let tdxModule: SvnLevel | undefined;
  if (facts.teeTcbSvn !== null && moduleVersion(facts.teeTcbSvn) > 0) {
    const minor = facts.teeTcbSvn[MODULE_SVN] ?? 0;
    tdxModule = findTdxModule(tcbInfo, facts.teeTcbSvn)?.levels.find((level) => level.isvSvn <= minor);
    if (tdxModule === undefined) return NOT_SUPPORTED;
    parts.push(tdxModule);
  }
  return {
    status: mergeStatuses(platform.status, [quotingEnclave.status, ...(tdxModule ? [tdxModule.status] : [])]),
    advisories: [...new Set(parts.flatMap((part) => part.advisories))].sort(),
    date: Math.min(...parts.map((part) => part.date)),
    platform: platform.status,
    quotingEnclave: quotingEnclave.status,
    tdxModule: tdxModule?.status ?? null,
  };
}

/** The major version of the TDX module; 0 is the first generation, which TCB levels cover by themselves. */
export function moduleVersion(teeTcbSvn: Uint8Array): number {
  return teeTcbSvn[MODULE_VERSION] ?? 0;
}

/** The identity of the TDX module in `TDX_` and two upper-case hexadecimal digits, if Intel lists it. */
export function findTdxModule(tcbInfo: TcbInfo, teeTcbSvn: Uint8Array): TdxModuleIdentity | undefined {
  const id = `TDX_${moduleVersion(teeTcbSvn).toString(16).toUpperCase().padStart(2, '0')}`;
  return tcbInfo.tdxModuleIdentities.find((identity) => identity.id === id);
}

/**
 * Every component at or above the level's. From TDX module version 1 on, the first two TDX components (the module's own) are
 * verified by its identity instead.
 */
function covers({ pck, teeTcbSvn }: TcbFacts, level: PlatformTcbLevel): boolean {
  if (!atLeast(pck.tcbComponents, level.sgx, 0) || pck.pceSvn < level.pceSvn) return false;
  if (teeTcbSvn === null) return true;
  return level.tdx !== null && atLeast(teeTcbSvn, level.tdx, moduleVersion(teeTcbSvn) > 0 ? 2 : 0);
}

function atLeast(actual: Uint8Array, floor: Uint8Array, from: number): boolean {
  if (actual.length !== 16 || floor.length !== 16) return false;
  for (let index = from; index < 16; index++) {
    if ((actual[index] ?? 0) < (floor[index] ?? 0)) return false;
  }
  return true;
}

/** A component that is out of date drags the platform down; one that is revoked revokes it. */
export function mergeStatuses(platform: PlatformTcbStatus, components: readonly ModuleTcbStatus[]): PlatformTcbStatus {
  if (platform === 'Revoked' || components.includes('Revoked')) return 'Revoked';
  if (!components.includes('OutOfDate')) return platform;
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'OutOfDateConfigurationNeeded';
    default:
      return platform;
  }
}

/** Current standings under which launching the TD again would mend an outdated launch. */
const CURES: readonly TcbStatus[] = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
];

/**
 * A TD keeps the standing of the module it was launched under. When the platform has been updated since, a relaunch is advised.
 * Stricter than Intel's library in one point: a platform that is revoked or unknown now is so whatever it was at launch.
 */
export function adviseRelaunch(launch: TcbEvaluation, current: TcbEvaluation): TcbEvaluation {
  if (current.status === 'Revoked' || current.status === 'TcbNotSupported') {
    return launch.status === 'Revoked' ? launch : { ...launch, status: current.status };
  }
  const outdated = launch.status === 'OutOfDate' || launch.status === 'OutOfDateConfigurationNeeded';
  if (!outdated || !CURES.includes(current.status)) return launch;
  const configuration =
    launch.status === 'OutOfDateConfigurationNeeded' ||
    current.status === 'ConfigurationNeeded' ||
    current.status === 'ConfigurationAndSWHardeningNeeded';
  return { ...launch, status: configuration ? 'TDRelaunchAdvisedConfigurationNeeded' : 'TDRelaunchAdvised' };
}
