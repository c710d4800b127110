/**
 * NVIDIA GPUs and switches as plugs: recognised here, verified in nvidia-evidence.ts. Certificates' standing, manifests and golden
 * measurements are long, so bundlers put that in a part that is loaded when such evidence comes.
 */

import { loadedPart } from '@assay/encoding/loaded-part';
import { type NvidiaEvidence, type NvidiaKind, nvidiaEvidenceOf, nvidiaKindOf } from '../../evidence/nvidia/evidence-file.ts';
import type { NvidiaClaims } from '../../model/claims.ts';
import type { TeeVerifier } from '../../model/verification.ts';

/** The plug for evidence that holds at least one GPU. */
export const nvidiaGpuVerifier: TeeVerifier<NvidiaEvidence, NvidiaClaims> = plug('gpu');

/** The plug for evidence of switches alone. */
export const nvidiaSwitchVerifier: TeeVerifier<NvidiaEvidence, NvidiaClaims> = plug('switch');

function plug(kind: NvidiaKind): TeeVerifier<NvidiaEvidence, NvidiaClaims> {
  const type = kind === 'gpu' ? 'nvidia-gpu' : 'nvidia-switch';
  return {
    type,
    recognise(bytes) {
      const value = nvidiaEvidenceOf(bytes);
      return value === null || nvidiaKindOf(value) !== kind ? null : { type, value };
    },
    async verify({ value }, options) {
      const { verifyNvidia } = await loadedPart('NVIDIA evidence', () => import('./nvidia-evidence.ts'));
      return verifyNvidia(value, options);
    },
  };
}
