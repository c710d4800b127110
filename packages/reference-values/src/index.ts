/** What evidence of an image should say, computed from the image. Pure: the caller reads files. */
export { type Comparison, compareMeasured } from './compare.ts';
export { type ComposeOptions, measureCompose } from './dstack/compose.ts';
export { REFERENCE_VALUES_ERROR_KINDS, ReferenceValuesError, type ReferenceValuesErrorCode } from './errors.ts';
export { isFirmware } from './firmware-table.ts';
export type { Measured, MeasuredType } from './measured.ts';
export { MAX_EIF_BYTES } from './nitro/eif.ts';
export { type EifParts, encodeEif } from './nitro/encode-eif.ts';
export { measureEif, type NitroPlacement } from './nitro/measure-eif.ts';
export { type NitroCliMeasurements, parseNitroCli } from './nitro/nitro-cli.ts';
export { type AllowedReleases, isVersion, parseRelease, type Release, releasesAbove } from './releases.ts';
export { measureSigstruct } from './sgx/sigstruct.ts';
export { CPU_TYPES } from './snp/cpu-types.ts';
export type { DirectBoot } from './snp/kernel-hashes.ts';
export { measureSnp, type SnpMachine, snpLaunchDigest } from './snp/launch-digest.ts';
export type { Hypervisor } from './snp/save-area.ts';
export {
  type MeasuredRule,
  REFERENCE_VALUES_PREDICATE,
  type ReferenceValuesStatement,
  ruleOf,
  statementOf,
} from './statement.ts';
export { measureTdx, type TdxMachine } from './tdx/measure-tdx.ts';
export type { PageOrder } from './tdx/mrtd.ts';
export type { AcpiDigests } from './tdx/runtime-registers.ts';
