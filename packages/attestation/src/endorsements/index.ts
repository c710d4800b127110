export { fetchAmdCertificates } from './amd.ts';
export { fetchAwsRevocationLists } from './aws.ts';
export { type FetchedEndorsements, fetchEndorsements } from './fetch-endorsements.ts';
export { fetchIntelCollateral, type IntelPlatform } from './intel.ts';
export { fetchOcsp, fetchRims } from './nvidia.ts';
export {
  type CachedAnswer,
  type EndorsementCache,
  type EndorsementServices,
  type EndorsementSource,
  VENDOR_SERVICES,
} from './source.ts';
