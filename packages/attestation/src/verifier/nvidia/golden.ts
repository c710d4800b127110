/**
 * Runtime measurements against NVIDIA's golden ones. Reference manifests count from 0: their index i is SPDM index i + 1. Every
 * active index must show one of its alternatives; inactive indexes say nothing. Index 35 measures NVDEC0 and is left out when the
 * device reports that engine as disabled. A mismatch is data: a failed check, for appraisal to refuse.
 * Source: NVIDIA nvtrust and attestation-sdk.
 */

import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import type { NvidiaDevice } from '../../evidence/nvidia/evidence-file.ts';
import { OPAQUE, opaqueText, STATUS_DISABLED, vbiosVersion } from '../../evidence/nvidia/opaque.ts';
import type { Rim, RimSubject } from '../../evidence/nvidia/rim.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { companionFault } from '../companion-fault.ts';
import { type VerifiedRim, verifyRim } from './rim.ts';

const SPEC = 'NVIDIA RIM';
const NVDEC0_INDEX = 35;
/** Manifests that are tried for one firmware of a device; there is one for each board. */
const MAX_MANIFESTS = 64;

export interface Golden {
  readonly checks: readonly Check[];
  /** Manifests that were used. */
  readonly manifests: readonly VerifiedRim[];
  /** All the device needs were there, authentic, and matched. */
  readonly allMatch: boolean;
}

/**
 * Compares a device with the manifests at hand.
 * @param product chip of the device, as its certificate says.
 * @throws {AttestationError} those of {@link verifyRim}, when no manifest for the device's version is authentic; `endorsements/too-large`.
 */
export async function compareWithManifests(
  device: NvidiaDevice,
  product: string | null,
  rims: readonly Rim[],
  options: Pick<VerifyOptions, 'now' | 'trust' | 'cache'>,
): Promise<Golden> {
  const subjects: readonly (readonly [RimSubject, string | null])[] =
    device.kind === 'gpu'
      ? [
          ['driver', opaqueText(device.opaque, OPAQUE.driverVersion)],
          ['vbios', vbiosVersion(device.opaque, 'gpu')],
        ]
      : [['vbios', vbiosVersion(device.opaque, 'switch')]];
  const found = await Promise.all(
    subjects.map(async ([subject, version]) => compareOne({ device, product, subject, version, rims, options })),
  );
  const manifests = found.flatMap(({ manifest }) => manifest ?? []);
  const overlap = overlapCheck(manifests);
  const checks = [...found.flatMap((each) => each.checks), ...overlap];
  return { checks, manifests, allMatch: checks.every(({ outcome }) => outcome === 'pass') };
}

interface CompareInput {
  readonly device: NvidiaDevice;
  readonly product: string | null;
  readonly subject: RimSubject;
  readonly version: string | null;
  readonly rims: readonly Rim[];
  readonly options: Pick<VerifyOptions, 'now' | 'trust' | 'cache'>;
}

async function compareOne(
  input: CompareInput,
): Promise<{ readonly checks: readonly Check[]; readonly manifest: VerifiedRim | null }> {
  const { device, subject, version } = input;
  const [rimId, measurementsId] = [`nvidia.rim-${subject}`, `nvidia.rim-${subject}-measurements`];
  const candidates = input.rims.filter((rim) => isFor(rim, input));
  if (candidates.length === 0) {
    const others = input.rims.filter((rim) => rim.subject === subject).map((rim) => rim.version);
    const why = `no ${subject} manifest for ${version ?? 'an unknown version'} was supplied${others.length > 0 ? ` (only for ${others.join(', ')})` : ''}`;
    return { checks: [notChecked(rimId, SPEC, why), notChecked(measurementsId, SPEC, why)], manifest: null };
  }
  if (candidates.length > MAX_MANIFESTS)
    throw new AttestationError(
      'endorsements/too-large',
      `expected at most ${MAX_MANIFESTS} manifests (RIM) of ${subject} ${version}, got ${candidates.length}; give each once`,
    );
  const verified = await authentic(candidates, input.options);
  const compared = verified.map((manifest) => ({ manifest, differing: differingIndexes(device, manifest.rim) }));
  const best = compared.find(({ differing }) => differing.length === 0) ?? compared[0];
  if (best === undefined) return { checks: [], manifest: null };
  const { manifest, differing } = best;
  const total = comparedMeasurements(device, manifest.rim).length;
  const rimCheck = pass(rimId, SPEC, `${manifest.rim.version} by ${manifest.path.chain[0]?.subjectText ?? 'nvidia'}`);
  const expected = `all ${total} active measurements`;
  const actual = `${total - differing.length} of ${total} match`;
  const measured =
    total > 0 && differing.length === 0
      ? pass(measurementsId, SPEC, actual, expected)
      : fail(measurementsId, SPEC, expected, `${actual}; different at index ${differing.join(', ') || 'none'}`);
  return { checks: [rimCheck, measured], manifest };
}

function isFor(rim: Rim, { subject, version, product }: CompareInput): boolean {
  const sameProduct = product !== null && rim.product.replaceAll('_', '') === product.replaceAll('_', '');
  return rim.subject === subject && sameProduct && version !== null && rim.version.toUpperCase() === version.toUpperCase();
}

/** The authentic ones of several manifests for one version; the first one's fault when there is none. */
async function authentic(candidates: readonly Rim[], options: CompareInput['options']): Promise<readonly VerifiedRim[]> {
  const settled = await Promise.allSettled(candidates.map((rim) => verifyRim(rim, options)));
  const good = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const [firstFault] = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const [first] = candidates;
  if (good.length === 0)
    throw companionFault(firstFault, `the reference manifest (RIM) of ${first?.subject} ${first?.version}`);
  return good;
}

function comparedMeasurements({ opaque }: NvidiaDevice, rim: Rim): Rim['measurements'] {
  const status = opaque.get(OPAQUE.nvdec0Status);
  const nvdecOff = status?.length === 1 && status[0] === STATUS_DISABLED;
  return rim.measurements.filter(({ active, index }) => active && !(nvdecOff && index === NVDEC0_INDEX));
}

function differingIndexes(device: NvidiaDevice, rim: Rim): readonly number[] {
  const runtime = new Map(device.spdm.measurements.map(({ index, value }) => [index - 1, encodeHex(value)]));
  return comparedMeasurements(device, rim)
    .filter(({ index, values }) => !values.includes(runtime.get(index) ?? 'absent'))
    .map(({ index }) => index);
}

/** Two manifests that both claim an index contradict each other, whatever their values. */
function overlapCheck(manifests: readonly VerifiedRim[]): readonly Check[] {
  if (manifests.length < 2) return [];
  const active = manifests.map(({ rim }) => rim.measurements.filter((each) => each.active).map(({ index }) => index));
  const shared = active[0]?.filter((index) => active.slice(1).some((others) => others.includes(index))) ?? [];
  const id = 'nvidia.rim-overlap';
  if (shared.length === 0) return [pass(id, SPEC, 'no index in two manifests')];
  return [fail(id, SPEC, 'no index in two manifests', `index ${shared.join(', ')}`)];
}
