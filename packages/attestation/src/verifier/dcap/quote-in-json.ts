/**
 * A JSON file of no known format that holds exactly one DCAP quote, somewhere, as text or as a list of numbers: what attestation APIs
 * answer and what people send to verification services (`{"quote": …}`, `{"tdx": {"quote": …}}`, CoCo evidence). The quote is verified
 * as if it lay there by itself; that the rest of the file was not looked at is a check of its own. Asked last, so that formats whose
 * other members mean something come first.
 */

import { TEE_TYPE_TDX } from '../../evidence/dcap/quote.ts';
import { quoteTeeType } from '../../evidence/dcap/quote-file.ts';
import { quotesInJson } from '../../evidence/dcap/quote-json.ts';
import { notChecked } from '../../model/check.ts';
import type { ParsedEvidence, TeeVerifier } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { sgxVerifier } from './sgx.ts';
import { tdxVerifier } from './tdx.ts';

interface QuoteFile {
  readonly evidence: ParsedEvidence;
  readonly path: string;
}

/** The plug for a quote among other members. Its evidence has the quote's own type. */
export const quoteInJsonVerifier: TeeVerifier<QuoteFile> = {
  type: 'tdx',
  searches: true,
  recognise(file) {
    const [only, ...more] = quotesInJson(file) ?? [];
    if (only === undefined || more.length > 0) return null;
    const evidence = plugOf(quoteTeeType(only.quote) === TEE_TYPE_TDX ? 'tdx' : 'sgx').recognise(only.quote);
    return evidence === null ? null : { type: evidence.type, value: { evidence, path: only.path } };
  },
  async verify({ value: { evidence, path } }, options) {
    const claims = await plugOf(evidence.type).verify(evidence, options);
    const rest = notChecked(`${claims.type}.unread`, 'Assay', `only the quote at "${path}" is looked at, nothing around it`);
    return mint({ ...claims, checks: [...claims.checks, rest] });
  },
};

function plugOf(type: ParsedEvidence['type']): TeeVerifier {
  return type === 'tdx' ? tdxVerifier : sgxVerifier;
}
