/**
 * Claims of NVIDIA's attestation services and SDKs, versions 1 to 4, alone and inside other issuers' tokens (`nvgpu`).
 * Source: NVIDIA attestation documentation, GPU claims and nvSwitch claims, versions 2.0 and 3.0; claims schema of the C++ SDK.
 *
 * Steps (`…-validated`, `…-verified`, `…-match`, `…-fetched`, `…-parsed`, `…-available`) are read by their words.
 */

import { isQuiet } from '../claim-words.ts';
import { type Meaning, named, oneOf, PLAIN, type Vocabulary } from './meaning.ts';

const NONE: Meaning = { kind: 'finding', good: isQuiet, expected: 'none' };

export const NVIDIA_CLAIMS: Vocabulary = {
  'x-nvidia-overall-att-result': oneOf([true], 'token.overall-result'),
  ...named(['x-nvidia-error-details', 'x-nvidia-attestation-warning', 'x-nvidia-attestation-error'], NONE),
  ...named(
    ['x-nvidia-mismatch-measurement-records', 'x-nvidia-mismatch-indexes', 'x-nvidia-mismatch-opaque-data-records'],
    // Records of a mismatch are trouble whatever they hold.
    { kind: 'finding', good: isEmpty, expected: 'none' },
  ),
  'x-nvidia-cert-status': oneOf(['valid']),
  'x-nvidia-cert-ocsp-status': oneOf(['good']),
  'x-nvidia-cert-revocation-reason': NONE,
  'x-nvidia-cert-expiration-date': PLAIN,
  // Documented for switches as the name of the architecture.
  ...named(['x-nvidia-gpu-arch-check', 'x-nvidia-switch-arch-check'], {
    kind: 'finding',
    good: (value) => value !== false && value !== 0 && !(typeof value === 'string' && /^(false|fail|no\b|$)/i.test(value)),
    expected: 'true',
  }),
};

function isEmpty(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === '') return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
