/**
 * The TDX verifier: DCAP quotes of trust domains, versions 4 and 5, TD reports 1.0 and 1.5. What is proved and what is not:
 * verify-quote.ts.
 */

import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import { type DcapQuote, parseQuote, TEE_TYPE_TDX } from '../../evidence/dcap/quote.ts';
import { openQuoteEnvelope, type QuoteEnvelope } from '../../evidence/dcap/quote-envelope.ts';
import { quoteBytes, quoteTeeType } from '../../evidence/dcap/quote-file.ts';
import type { TdReport, TdReport15ExFields } from '../../evidence/dcap/td-report.ts';
import type { RuntimeData } from '../../evidence/hcl-report.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { TdxClaims, TdxDetails, TdxMeasurements, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { commitsTo } from '../report-data.ts';
import { decodeTdAttributes, isTdUnderDebug } from './attributes.ts';
import { reservedBits, sharedChecks, sharedClaims, sharedDetails } from './claims.ts';
import { type AuthenticQuote, verifyQuote } from './verify-quote.ts';

/**
 * Verifies TDX quotes.
 * @example
 * const evidence = tdxVerifier.recognise(bytes);
 * if (evidence !== null) console.log(await tdxVerifier.verify(evidence, { now: Date.now(), endorsements }));
 */
export const tdxVerifier: TeeVerifier<TdxEvidence, TdxClaims> = {
  type: 'tdx',
  recognise(file) {
    const found = tdxQuoteIn(file);
    return found === null ? null : { type: 'tdx', value: found.quote };
  },
  async verify({ value }, options) {
    return claimsOf(await verifyQuote(value, options), value.envelope ?? null);
  },
};

/**
 * The TDX quote that a file is, with its bytes; `null` for other files.
 * @throws {AttestationError} `dcap/quote-malformed`.
 */
export function tdxQuoteIn(file: Uint8Array): { readonly bytes: Uint8Array; readonly quote: TdxEvidence } | null {
  const bytes = quoteBytes(file);
  if (bytes === null || quoteTeeType(bytes) !== TEE_TYPE_TDX) return null;
  const quote = parseQuote(bytes);
  return { bytes, quote: bytes === file ? quote : { ...quote, envelope: openQuoteEnvelope(file) } };
}

/** A TDX quote, with the file it came in where that holds more. */
export type TdxEvidence = DcapQuote & { readonly envelope?: QuoteEnvelope | null };

async function claimsOf(authentic: AuthenticQuote, envelope: QuoteEnvelope | null): Promise<VerifiedClaims<TdxClaims>> {
  const { body } = authentic.quote;
  if (body.kind !== 'td') throw new TypeError('expected a TDX quote, got an SGX quote');
  const runtimeData = envelope?.runtimeData ?? null;
  const bound = runtimeData === null ? [] : [await checkRuntimeData(runtimeData, body)];
  const attributes = decodeTdAttributes(body.tdAttributes);
  return mint({
    ...sharedClaims(authentic),
    type: 'tdx',
    debug: isTdUnderDebug(body.tdAttributes),
    measurements: measurementsOf(body),
    bindings: { reportData: encodeHex(body.reportData), nonce: null, userData: null, publicKey: null },
    checks: [
      ...sharedChecks(authentic),
      ...(authentic.moduleCheck === null ? [] : [authentic.moduleCheck]),
      reservedBits('tdx.reserved-attributes', 'Intel TDX module 1.5 ABI, ATTRIBUTES', attributes.reserved),
      ...serviceTd(body),
      ...bound,
      ...(envelope?.unread ?? []).map((part) =>
        notChecked('tdx.unread', 'Assay', `"${part}" in the same file is not looked at`),
      ),
    ],
    details: {
      ...sharedDetails(authentic),
      tdReport: body.version,
      teeTcbSvn: encodeHex(body.teeTcbSvn),
      teeTcbSvn2: body.v15 === null ? null : encodeHex(body.v15.teeTcbSvn2),
      seamAttributes: encodeHex(body.seamAttributes),
      tdAttributes: {
        hex: encodeHex(body.tdAttributes),
        set: attributes.set,
        septVeDisable: attributes.set.includes('SEPT_VE_DISABLE'),
        migratable: attributes.set.includes('MIGRATABLE'),
      },
      xfam: encodeHex(body.xfam),
      ...(runtimeData === null ? {} : { runtimeData: new TextDecoder().decode(runtimeData.bytes) }),
      ...(body.v15ex === null ? {} : { migration: hexFields(body.v15ex) }),
    },
  });
}

/** Azure: what stands beside the quote is vouched for only when the report data commits to it. */
async function checkRuntimeData(runtimeData: RuntimeData, { reportData }: TdReport): Promise<Check> {
  if (await commitsTo(reportData, runtimeData))
    return pass('tdx.runtime-data', 'Azure HCL attestation', 'hashed in the report data');
  throw new AttestationError(
    'dcap/runtime-data-unbound',
    'expected report data that is the hash of the runtime data, got another; no TEE vouches for the keys in it',
  );
}

function measurementsOf(body: TdReport): TdxMeasurements {
  return {
    mrtd: encodeHex(body.mrTd),
    rtmr0: encodeHex(body.rtmr[0]),
    rtmr1: encodeHex(body.rtmr[1]),
    rtmr2: encodeHex(body.rtmr[2]),
    rtmr3: encodeHex(body.rtmr[3]),
    mrseam: encodeHex(body.mrSeam),
    mrsignerseam: encodeHex(body.mrSignerSeam),
    mrconfigid: encodeHex(body.mrConfigId),
    mrowner: encodeHex(body.mrOwner),
    mrownerconfig: encodeHex(body.mrOwnerConfig),
    ...(body.v15 === null ? {} : { mrservicetd: encodeHex(body.v15.mrServiceTd) }),
  };
}

/** A service TD (migration) can reach into the TD, and nothing here verifies it. */
function serviceTd({ v15 }: TdReport): readonly Check[] {
  if (v15 === null) return [];
  const spec = 'Intel TDX module 1.5 ABI, SERVTD_HASH';
  return [
    v15.mrServiceTd.every((byte) => byte === 0)
      ? pass('tdx.service-td', spec, 'none bound', 'none bound')
      : fail('tdx.service-td', spec, 'none bound', encodeHex(v15.mrServiceTd)),
  ];
}

function hexFields(fields: TdReport15ExFields): NonNullable<TdxDetails['migration']> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Uint8Array ? encodeHex(value) : value]),
  );
}
