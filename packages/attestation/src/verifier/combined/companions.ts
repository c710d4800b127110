/**
 * Companions of combined reports: NVIDIA's verdict on the GPUs (NRAS tokens) and Proof of Cloud tokens, which say that a platform
 * stands in a known place. Both are looked for among the endorsements; a companion that is there and not authentic is refused.
 */

import { bufferSource, decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { loadedPart } from '@assay/encoding/loaded-part';
import { AttestationError } from '../../errors.ts';
import { looksLikeToken, parseToken, type TokenEvidence, tokenEvidenceOfJson } from '../../evidence/token/token.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { NamedClaims, VerifiedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { companionFault, withCompanion } from '../companion-fault.ts';

const POC = 'combined.proof-of-cloud';
const POC_SPEC = 'Proof of Cloud token';

export interface Verdict {
  /** `null` when there was no token, or no key for it. */
  readonly claims: VerifiedClaims | null;
  readonly checks: readonly Check[];
}

/**
 * NVIDIA's verdict among the endorsements, and whether it is about these GPUs' nonces.
 * @throws {AttestationError} `token/…` as {@link companionFault} sees it, except that a missing key only leaves the verdict unchecked.
 */
export async function remoteVerdict(gpuNonces: readonly string[], options: VerifyOptions): Promise<Verdict> {
  const [evidence] = tokensIn(options).filter(({ token }) => String(token.payload.iss).startsWith('https://nras.'));
  if (evidence === undefined) return { claims: null, checks: [] };
  let claims: VerifiedClaims;
  try {
    const { verifyTokenEvidence } = await loadedPart('tokens', () => import('../token/token-evidence.ts'));
    claims = await verifyTokenEvidence(evidence, options);
  } catch (error) {
    if (!AttestationError.is(error) || error.code !== 'token/key-missing') throw companionFault(error, 'the nras token');
    return { claims: null, checks: [notChecked('combined.nras', 'NRAS', 'no key set for the nras token was supplied')] };
  }
  const { nonce } = claims.bindings;
  const [expected, actual] = [[...new Set(gpuNonces)].join(', '), nonce ?? 'none'];
  const same = gpuNonces.length > 0 && gpuNonces.every((each) => each === nonce);
  const id = 'combined.nras-nonce';
  return { claims, checks: [same ? pass(id, 'NRAS', actual, expected) : fail(id, 'NRAS', expected, actual)] };
}

/**
 * Whether a Proof of Cloud token vouches for this platform and quote.
 * @param quote exactly as it stood in the document, padding included: that is what the token hashes.
 */
export async function proofOfCloud(quote: Uint8Array, claims: NamedClaims, options: VerifyOptions): Promise<Check> {
  const hash = encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(quote))));
  for (const { token } of tokensIn(options)) {
    if (token.payload.quote_hash !== hash) continue;
    const { verifyToken } = await loadedPart('tokens', () => import('../token/signature.ts'));
    await withCompanion('the proof of cloud token', () => verifyToken(token, options));
    return placeCheck(String(token.payload.machine_id), claims.identity.ppid);
  }
  return notChecked(POC, POC_SPEC, 'no token for this quote was supplied');
}

/** Whether the machine of a proof is the platform of a quote; `ppid` in lower-case hex. */
export function placeCheck(machine: string, ppid = 'none'): Check {
  const actual = machine.toLowerCase();
  return actual === ppid ? pass(POC, POC_SPEC, actual, ppid) : fail(POC, POC_SPEC, ppid, actual);
}

function tokensIn({ endorsements = [] }: VerifyOptions): readonly TokenEvidence[] {
  return endorsements.flatMap((each) => {
    try {
      const found = tokenIn(each);
      return found === null ? [] : [found];
    } catch (error) {
      throw companionFault(error, 'a token beside the report');
    }
  });
}

function tokenIn(each: Endorsement): TokenEvidence | null {
  if (each.kind === 'json') {
    let json: Json;
    try {
      json = parseJson(each.json);
    } catch {
      return null;
    }
    return tokenEvidenceOfJson(json);
  }
  if (each.kind !== 'bytes' || each.bytes[0] !== 0x65) return null;
  let text: string;
  try {
    text = decodeUtf8(each.bytes).trim();
  } catch {
    return null;
  }
  return looksLikeToken(text) ? { token: parseToken(text), parts: new Map() } : null;
}
