/**
 * The SGX verifier: DCAP quotes of enclaves, versions 3, 4 and 5. What is proved and what is not: verify-quote.ts.
 */

import { encodeHex } from '@assay/encoding/hex';
import { isDebugEnclave } from '../../evidence/dcap/enclave-report.ts';
import { type DcapQuote, parseQuote, TEE_TYPE_TDX } from '../../evidence/dcap/quote.ts';
import { quoteBytes, quoteTeeType } from '../../evidence/dcap/quote-file.ts';
import type { SgxClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { decodeSgxFlags } from './attributes.ts';
import { reservedBits, sharedChecks, sharedClaims, sharedDetails } from './claims.ts';
import { type AuthenticQuote, verifyQuote } from './verify-quote.ts';

/**
 * Verifies SGX quotes; also refuses quotes of unknown TEE types.
 * @example
 * const evidence = sgxVerifier.recognise(bytes);
 * if (evidence !== null) console.log(await sgxVerifier.verify(evidence, { now: Date.now(), endorsements }));
 */
export const sgxVerifier: TeeVerifier<DcapQuote, SgxClaims> = {
  type: 'sgx',
  recognise(file) {
    const bytes = quoteBytes(file);
    return bytes === null || quoteTeeType(bytes) === TEE_TYPE_TDX ? null : { type: 'sgx', value: parseQuote(bytes) };
  },
  async verify(evidence, options) {
    return claimsOf(await verifyQuote(evidence.value, options));
  },
};

function claimsOf(authentic: AuthenticQuote): VerifiedClaims<SgxClaims> {
  const { body } = authentic.quote;
  if (body.kind !== 'enclave') throw new TypeError('expected an SGX quote, got a TDX quote');
  const flags = decodeSgxFlags(body.attributes);
  const shared = sharedClaims(authentic);
  return mint({
    ...shared,
    type: 'sgx',
    debug: isDebugEnclave(body),
    measurements: {
      mrenclave: encodeHex(body.mrEnclave),
      mrsigner: encodeHex(body.mrSigner),
      isvprodid: number16(body.isvProdId),
      isvsvn: number16(body.isvSvn),
      configid: encodeHex(body.configId),
      configsvn: number16(body.configSvn),
      isvextprodid: encodeHex(body.isvExtProdId),
      isvfamilyid: encodeHex(body.isvFamilyId),
    },
    bindings: { reportData: encodeHex(body.reportData), nonce: null, userData: null, publicKey: null },
    identity: { ...shared.identity, 'isv-prod-id': String(body.isvProdId), 'isv-svn': String(body.isvSvn) },
    checks: [
      ...sharedChecks(authentic),
      reservedBits('sgx.reserved-attributes', 'Intel SDM volume 3D, ATTRIBUTES', flags.reserved),
    ],
    details: {
      ...sharedDetails(authentic),
      attributes: {
        flags: encodeHex(body.attributes.subarray(0, 8)),
        set: flags.set,
        xfrm: encodeHex(body.attributes.subarray(8)),
      },
      miscSelect: body.miscSelect,
      reportCpuSvn: encodeHex(body.cpuSvn),
    },
  });
}

/** A 16-bit number as a measurement: four hex digits, most significant first. */
function number16(value: number): string {
  return value.toString(16).padStart(4, '0');
}
