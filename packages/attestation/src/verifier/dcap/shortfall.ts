/**
 * Why a platform's standing is not better: which component, module or enclave has which security version, which level asks for which, and
 * what raises it. For people; the standing itself comes from tcb-level.ts.
 * Source: Intel PCS API v4, TCB info (`category` and `type` of components); Intel, "TCB recovery guidance".
 */

import type { PlatformTcbLevel, SvnLevel, TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import { findTdxModule, moduleVersion, type TcbEvaluation, type TcbFacts } from './tcb-level.ts';

interface Shortfall {
  readonly what: string;
  readonly actual: number;
  readonly required: number;
  readonly raisedBy: string;
}

/** Statuses that no security version mends. */
const OTHER_CAUSES: Readonly<Record<string, string>> = {
  SWHardeningNeeded: 'the software must be hardened against the advisories',
  ConfigurationNeeded: 'the BIOS settings must be changed as the advisories say',
  ConfigurationAndSWHardeningNeeded: 'the BIOS settings must be changed and the software hardened, as the advisories say',
};

/**
 * One line, `null` for an up-to-date platform.
 * @param qeLevels levels of the QE identity, highest first.
 * @example 'TDX module TDX_03 SVN 2 is below 5 (level of 2026-01-01), raised by an update of the TDX module'
 */
export function shortfallOf(
  facts: TcbFacts,
  tcbInfo: TcbInfo,
  qeLevels: readonly SvnLevel[],
  { status }: Pick<TcbEvaluation, 'status'>,
): string | null {
  if (status === 'UpToDate') return null;
  const platform = tcbInfo.levels.find((level) => level.status === 'UpToDate') ?? tcbInfo.levels[0];
  const enclave = currentOf(qeLevels);
  const lines = [
    ...(platform === undefined ? [] : described(platformShortfalls(facts, platform), platform.date)),
    ...(enclave === undefined
      ? []
      : described(below('quoting enclave', facts.qeIsvSvn, enclave.isvSvn, 'the SGX platform software'), enclave.date)),
    ...moduleLines(facts, tcbInfo),
  ];
  const relaunch = status.startsWith('TDRelaunchAdvised')
    ? ['the platform has been updated since the launch; launch the TD again']
    : [];
  const cause = OTHER_CAUSES[status];
  const said = [...lines, ...relaunch, ...(lines.length === 0 && cause !== undefined ? [cause] : [])];
  return said.length === 0 ? null : said.join('; ');
}

function moduleLines({ teeTcbSvn }: TcbFacts, tcbInfo: TcbInfo): readonly string[] {
  if (teeTcbSvn === null || moduleVersion(teeTcbSvn) === 0) return [];
  const module = findTdxModule(tcbInfo, teeTcbSvn);
  const level = module === undefined ? undefined : currentOf(module.levels);
  if (module === undefined || level === undefined) return [];
  return described(below(`TDX module ${module.id}`, teeTcbSvn[0] ?? 0, level.isvSvn, 'the TDX module'), level.date);
}

function currentOf(levels: readonly SvnLevel[]): SvnLevel | undefined {
  return levels.find((level) => level.status === 'UpToDate') ?? levels[0];
}

function platformShortfalls({ pck, teeTcbSvn }: TcbFacts, level: PlatformTcbLevel): readonly Shortfall[] {
  const components = (
    kind: string,
    actual: Uint8Array,
    required: Uint8Array,
    labels: readonly string[],
    from = 0,
  ): readonly Shortfall[] =>
    [...required].flatMap((svn, index) => {
      if (index < from) return [];
      const label = labels[index] ?? '';
      const what = `${kind} component ${index + 1}${label === '' ? '' : ` (${label})`}`;
      return below(what, actual[index] ?? 0, svn, raiserOf(kind, label));
    });
  const tdx =
    teeTcbSvn === null || level.tdx === null
      ? []
      : components('TDX', teeTcbSvn, level.tdx, level.tdxLabels, moduleVersion(teeTcbSvn) > 0 ? 2 : 0);
  return [
    ...components('SGX', pck.tcbComponents, level.sgx, level.sgxLabels),
    ...below('PCE', pck.pceSvn, level.pceSvn, 'the SGX platform software'),
    ...tdx,
  ];
}

function raiserOf(kind: string, label: string): string {
  if (label.includes('TDX Module')) return 'the TDX module';
  if (label.includes('SEAMLDR')) return 'the SEAM loader';
  if (label.includes('OS/VMM')) return "the host's operating system or VMM";
  if (label.includes('BIOS')) return 'the BIOS';
  return kind === 'TDX' ? 'the TDX module or the BIOS' : 'the BIOS or microcode';
}

function below(what: string, actual: number, required: number, raisedBy: string): readonly Shortfall[] {
  return actual < required ? [{ what, actual, required, raisedBy }] : [];
}

function described(shortfalls: readonly Shortfall[], date: number): readonly string[] {
  const day = new Date(date).toISOString().slice(0, 10);
  return shortfalls.map(
    ({ what, actual, required, raisedBy }) =>
      `${what} SVN ${actual} is below ${required} (level of ${day}), raised by an update of ${raisedBy}`,
  );
}
