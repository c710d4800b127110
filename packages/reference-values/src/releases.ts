/**
 * Which releases may still run: statements of several versions of one product, each with its version and, where its maker names one, the lowest
 * version that may still run. The highest such floor counts, so a maker who finds a hole raises it in the next release and every older policy made
 * without that release shows by its own floor what it did not know. Not checked here: who signed a statement.
 */

import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { ReferenceValuesError, reading } from './errors.ts';
import { type MeasuredRule, REFERENCE_VALUES_PREDICATE } from './statement.ts';

/** Longest statement, bytes. */
const MAX_BYTES = 1024 * 1024;
const VERSION = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;
const VALUE = /^(?:[0-9a-f]{2}){20,64}$/;
const TYPES: ReadonlySet<unknown> = new Set<MeasuredRule['type']>(['nitro', 'sev-snp', 'sgx', 'tdx', 'dstack']);

export interface Release {
  /** Three numbers. */
  readonly version: string;
  readonly minimumVersion: string | null;
  readonly measurements: readonly MeasuredRule[];
}

/** What is left of the releases at the floor. */
export interface AllowedReleases {
  readonly floor: string | null;
  /** Newest first; at least one. */
  readonly allowed: readonly Release[];
  readonly below: readonly Release[];
}

/**
 * A statement of `assay measure --release`.
 * @param file JSON, at most 1 MiB.
 * @throws {ReferenceValuesError} `release/malformed`.
 * @example const release = parseRelease(readFileSync('release.json'))
 */
export function parseRelease(file: Uint8Array): Release {
  const json = reading('release/malformed', 'statement', () => parseJson(file, { maxBytes: MAX_BYTES }));
  const predicate = isJsonObject(json) && json.predicateType === REFERENCE_VALUES_PREDICATE ? json.predicate : null;
  if (!isJsonObject(predicate)) throw malformed(`a statement with the predicate ${REFERENCE_VALUES_PREDICATE}`);
  const { version, minimumVersion = null, measurements } = predicate;
  if (!isVersion(version)) throw malformed('a version of three numbers in the statement');
  if (minimumVersion !== null && !isVersion(minimumVersion)) throw malformed('a minimumVersion of three numbers');
  if (minimumVersion !== null && compareVersions(minimumVersion, version) > 0)
    throw malformed(`a minimumVersion that ${version} itself reaches`);
  if (!Array.isArray(measurements) || measurements.length === 0) throw malformed('measurements in the statement');
  return { version, minimumVersion, measurements: (measurements as readonly JsonObject[]).map(ruleIn) };
}

/**
 * The releases that reach the floor: the highest minimum that any of them names, or `demanded`, whichever is higher.
 * @throws {ReferenceValuesError} `release/below-floor` when none does; `release/malformed` for a floor that is no version.
 * @example const { allowed } = releasesAbove(files.map(parseRelease), '1.4.0')
 */
export function releasesAbove(releases: readonly Release[], demanded: string | null = null): AllowedReleases {
  if (demanded !== null && !isVersion(demanded)) throw malformed('a floor of three numbers');
  const floors = [demanded, ...releases.map(({ minimumVersion }) => minimumVersion)].filter((each) => each !== null);
  const floor = floors.toSorted(compareVersions).at(-1) ?? null;
  const reaches = ({ version }: Release): boolean => floor === null || compareVersions(version, floor) >= 0;
  const allowed = releases.filter(reaches).toSorted((a, b) => compareVersions(b.version, a.version));
  if (allowed.length > 0) return { floor, allowed, below: releases.filter((release) => !reaches(release)) };
  throw new ReferenceValuesError(
    'release/below-floor',
    `expected a release of version ${floor ?? 'any'} or later, got ${releases.map(({ version }) => version).join(', ') || 'none'}; give the statement of a newer one`,
  );
}

/**
 * Below zero when `a` is older.
 * @example compareVersions('1.9.0', '1.10.0') < 0 // true
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * True for three numbers such as 1.2.3.
 * @example isVersion('1.2.3') // true
 */
export function isVersion(value: unknown): value is string {
  return typeof value === 'string' && VERSION.test(value);
}

function ruleIn(rule: JsonObject): MeasuredRule {
  const values = isJsonObject(rule) && isJsonObject(rule.values) ? Object.entries(rule.values) : [];
  const sound = values.every(([, list]) => Array.isArray(list) && list.length === 1 && VALUE.test(String(list[0])));
  if (values.length === 0 || !sound || !TYPES.has(rule.type))
    throw malformed('rules of a known type with one hexadecimal value a name');
  return { type: rule.type as MeasuredRule['type'], values: rule.values as unknown as MeasuredRule['values'] };
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'release/malformed',
    `expected ${expected}, got something else; make it with assay measure --release VERSION --format statement`,
  );
}
