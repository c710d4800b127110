/** Every TEE this package verifies, one line each. The first that recognises the bytes wins. */

import type { TeeVerifier } from '../model/verification.ts';
import { nitroVerifier } from './nitro/nitro.ts';

export const TEE_VERIFIERS: readonly TeeVerifier[] = [nitroVerifier];
