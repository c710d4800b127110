/** Every TEE this package verifies, one line each. The first that recognises the bytes wins. */

import type { TeeVerifier } from '../model/verification.ts';
import { azureSnpVerifier, azureTdxVerifier } from './azure/azure.ts';
import { combinedVerifier } from './combined/combined.ts';
import { quoteInJsonVerifier } from './dcap/quote-in-json.ts';
import { sgxVerifier } from './dcap/sgx.ts';
import { dstackVerifier } from './dstack/dstack.ts';
import { tdxOrDstackVerifier } from './dstack/quote-with-log.ts';
import { nitroVerifier } from './nitro/nitro.ts';
import { nvidiaGpuVerifier, nvidiaSwitchVerifier } from './nvidia/nvidia.ts';
import { nvidiaRimVerifier } from './nvidia/rim.ts';
import { snpVerifier } from './snp/snp.ts';
import { tokenVerifier } from './token/token.ts';
import { tpmVerifier } from './tpm/tpm.ts';
import { vendorVerifier } from './vendor/vendor.ts';

export const TEE_VERIFIERS: readonly TeeVerifier[] = [
  // one line each
  nitroVerifier,
  azureSnpVerifier,
  azureTdxVerifier,
  sgxVerifier,
  tdxOrDstackVerifier,
  tpmVerifier,
  snpVerifier,
  nvidiaGpuVerifier,
  nvidiaSwitchVerifier,
  nvidiaRimVerifier,
  combinedVerifier,
  dstackVerifier,
  tokenVerifier,
  vendorVerifier,
  quoteInJsonVerifier,
];
