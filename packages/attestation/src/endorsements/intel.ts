/**
 * Intel collateral: TCB info, enclave identity and revocation lists, from Intel's Provisioning Certification Service v4 or a PCCS.
 * Source: Intel SGX and TDX Provisioning Certification Service API v4.
 */

import { classifyDer } from '../evidence/endorsement-der.ts';
import { collectEndorsements } from '../evidence/endorsement-files.ts';
import { derOfText } from '../evidence/endorsement-text.ts';
import type { Endorsement, Endorsements } from '../model/endorsements.ts';
import { DAY, type Download, download } from './download.ts';
import { inOrder } from './in-order.ts';
import { type EndorsementSource, servicesOf } from './source.ts';

export interface IntelPlatform {
  readonly tee: 'sgx' | 'tdx';
  /** Lower-case hex, 6 bytes. */
  readonly fmspc: string;
  /** Which CA issued the PCK certificate. */
  readonly ca: 'processor' | 'platform';
}

const CHAIN_HEADERS = [
  'tcb-info-issuer-chain',
  'sgx-tcb-info-issuer-chain',
  'sgx-enclave-identity-issuer-chain',
  'sgx-pck-crl-issuer-chain',
];
const LIMITS = { maxBytes: 4 * 1024 * 1024, freshSeconds: DAY, staleSeconds: 30 * DAY, headers: CHAIN_HEADERS };

/**
 * Everything a quote of this platform needs.
 * @throws {AttestationError} the `endorsements/…` codes of {@link download}.
 * @example await fetchIntelCollateral({ tee: 'tdx', fmspc: 'b0c06f000000', ca: 'platform' }, { fetch, now: Date.now() });
 */
export async function fetchIntelCollateral(platform: IntelPlatform, source: EndorsementSource): Promise<Endorsements> {
  const { intel, intelRootCrl } = servicesOf(source);
  const { tee, fmspc, ca } = platform;
  const at = (what: string, url: string): Download => ({ ...LIMITS, what, url });
  const parts = await inOrder(
    [
      at('tcb info', `${intel}/${tee}/certification/v4/tcb?fmspc=${fmspc}`),
      at('enclave identity', `${intel}/${tee}/certification/v4/qe/identity`),
      at('pck crl', `${intel}/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`),
      at('root crl', intelRootCrl),
    ].map((request) => fetchPart(request, source)),
  );
  return parts.flat();
}

async function fetchPart(request: Download, source: EndorsementSource): Promise<Endorsements> {
  const { bytes, headers } = await download(request, source);
  const chain = Object.values(headers).flatMap(derOfText);
  const certificates = chain.flatMap((der) => classifyDer(der) ?? []).filter(({ kind }) => kind === 'certificate');
  const found = collectEndorsements([{ name: request.what, bytes }]).map((item): Endorsement => {
    const signed = item.kind === 'tcb-info' || item.kind === 'enclave-identity';
    return signed && item.issuerChain.length === 0 ? { ...item, issuerChain: chain } : item;
  });
  return [...found, ...certificates];
}
