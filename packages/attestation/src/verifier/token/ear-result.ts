/**
 * EAR's status and AR4SI's trustworthiness vector as checks. A status is good when affirming; a vector that holds a warning or a
 * contraindication fails even under an affirming status.
 * Source: draft-ietf-rats-ear §3.2; draft-ietf-rats-ar4si §2.3 (tiers: -1 to 1 none, 2 to 31 and -32 to -2 affirming, up to 95 and
 * down to -96 warning, the rest contraindicated).
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { type Check, fail, pass } from '../../model/check.ts';

const EAR = 'draft-ietf-rats-ear §3.2';
const AR4SI = 'draft-ietf-rats-ar4si §2.3';

export function earStatus(id: string, value: Json): Check {
  const good = value === 'affirming' || value === 2;
  return good ? pass(id, EAR, 'affirming') : fail(id, EAR, 'affirming', JSON.stringify(value).replaceAll('"', ''));
}

/** One check: every entry without a claim or affirming. An entry that cannot be read is not affirming. */
export function earVector(id: string, value: Json): readonly Check[] {
  if (value === null) return [];
  const expected = 'nothing worse than affirming';
  if (typeof value !== 'object' || Array.isArray(value)) return [fail(id, AR4SI, expected, JSON.stringify(value))];
  const entries = Object.entries(value as JsonObject);
  const bad = entries.filter(([, entry]) => !isAffirming(entry));
  const shown = (list: readonly (readonly [string, Json])[]): string =>
    list.map(([name, entry]) => `${name} ${JSON.stringify(entry)}`).join(', ');
  return [bad.length === 0 ? pass(id, AR4SI, shown(entries), expected) : fail(id, AR4SI, expected, shown(bad))];
}

const NAMED_TIERS: readonly Json[] = ['none', 'affirming', null];

function isAffirming(entry: Json): boolean {
  return typeof entry === 'number' ? entry >= -32 && entry <= 31 : NAMED_TIERS.includes(entry);
}
