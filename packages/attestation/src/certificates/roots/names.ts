/** Names of the pinned roots, for people who read which root signed. */

import { anchorDigest } from '../anchor.ts';
import { AMD_ROOTS } from './amd.ts';
import { AWS_NITRO_ROOTS } from './aws.ts';
import { GOOGLE_ROOTS } from './google.ts';
import { INTEL_ROOTS } from './intel.ts';
import { NVIDIA_DEVICE_ROOTS, NVIDIA_RIM_ROOTS } from './nvidia.ts';
import { PROOF_OF_CLOUD_KEY } from './proof-of-cloud.ts';

/**
 * The name of a pinned root; `null` for any other.
 * @param digest SHA-256 of its DER SubjectPublicKeyInfo, lower-case hex, as in `claims.root`.
 * @example pinnedRootName(claims.root) // 'intel sgx root ca'
 */
export function pinnedRootName(digest: string): string | null {
  const roots = [
    ...[AMD_ROOTS, AWS_NITRO_ROOTS, GOOGLE_ROOTS, INTEL_ROOTS, NVIDIA_DEVICE_ROOTS, NVIDIA_RIM_ROOTS].flat(),
    PROOF_OF_CLOUD_KEY,
  ];
  return roots.find((root) => anchorDigest(root) === digest)?.name ?? null;
}
