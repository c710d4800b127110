/**
 * The platform's standing as token issuers write it: `OutOfDate`, `OUT_OF_DATE`, `SGX_QL_QV_RESULT_OUT_OF_DATE` …; dates with and without
 * a time. Where a token speaks of several platforms, the worst status and the oldest date count.
 * Source: Intel Trust Authority, "TCB status values"; Intel `sgx_ql_qv_result_t`; Google and Trustee claims.
 */

import type { Json } from '@assay/encoding/json';
import type { TcbStanding } from '../../model/claims.ts';
import type { Findings } from './findings.ts';

/** Best first. A status that is not here is worse than all but the last. */
const STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
] as const;

const SPELLINGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(STATUSES.map((status) => [status.toLowerCase(), status])),
  ok: 'UpToDate',
  configneeded: 'ConfigurationNeeded',
  configandswhardeningneeded: 'ConfigurationAndSWHardeningNeeded',
  outofdateconfigneeded: 'OutOfDateConfigurationNeeded',
  tdrelaunchadvisedconfigneeded: 'TDRelaunchAdvisedConfigurationNeeded',
  revoked: 'Revoked',
};

/** `null` when the token says nothing about firmware. */
export function standingOf({ tcbStatuses, tcbDates, advisories, evaluationNumbers }: Findings): TcbStanding | null {
  if (tcbStatuses.length === 0 && tcbDates.length === 0) return null;
  const statuses = tcbStatuses.map(statusOf).sort((a, b) => rank(b) - rank(a));
  return {
    status: statuses[0] ?? 'NotStated',
    advisories,
    date: oldest(tcbDates.map(dateOf)),
    evaluationNumber: evaluationNumbers.length === 0 ? null : Math.min(...evaluationNumbers),
  };
}

/** Intel's spelling; texts that are none of its statuses stay as they are. */
function statusOf(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const letters = text.toLowerCase().replace(/[^a-z]/g, '');
  return SPELLINGS[letters.replace(/^(?:sgxqlqvresult|teeqvresult)/, '')] ?? text;
}

function rank(status: string): number {
  const index = (STATUSES as readonly string[]).indexOf(status);
  if (index >= 0) return index;
  return status === 'Revoked' ? STATUSES.length + 1 : STATUSES.length;
}

const DATE_FORM = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?)? ?([Zz]|UTC|[+-]\d{2}:?\d{2})?$/;

/** RFC 3339 in UTC; a date without a time is its first instant, a time without an offset is UTC. Other text stays as it is. */
function dateOf(value: Json): string {
  if (typeof value === 'number' && value >= 0 && value < 253_402_300_800) return textOf(value * 1000);
  if (typeof value !== 'string') return JSON.stringify(value);
  const [, day, time = '00:00:00', offset = 'Z'] = DATE_FORM.exec(value) ?? [];
  if (day === undefined) return value;
  const zone = offset.length < 5 ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(-2)}`;
  const epoch = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(epoch) ? value : textOf(epoch);
}

function textOf(epoch: number): string {
  return new Date(Math.trunc(epoch / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

/** Texts that are no date come first, so that a floor on dates is not met by a neighbour's. */
function oldest(dates: readonly string[]): string | null {
  const unreadable = dates.find((date) => !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(date));
  return unreadable ?? [...dates].sort()[0] ?? null;
}
