/**
 * The token verifier. Proves: the named service signed these findings, in force at `now`; of a detached bundle, that every part is
 * the one the overall token digests, signed too, and about the same nonce. Not proved: anything the service did not check. Its own
 * verification of the evidence is believed, not repeated; where the evidence is at hand, verify that instead.
 */

import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { Json } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { type TokenEvidence, tokenBytes } from '../../evidence/token/token.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { TokenClaims, VerifiedClaims } from '../../model/claims.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { tokenClaims } from './claims.ts';
import { noncesOf } from './nonces.ts';
import { verifyToken } from './signature.ts';

/**
 * Authenticates a token or a bundle of them.
 * @throws {AttestationError} `token/detached-digest-mismatch` and the codes of {@link verifyToken}.
 * @example const claims = await verifyTokenEvidence(evidence, { now, endorsements: [{ kind: 'jwks', json, issuer: null }] });
 */
export async function verifyTokenEvidence(
  evidence: TokenEvidence,
  options: VerifyOptions,
): Promise<VerifiedClaims<TokenClaims>> {
  const { token, parts } = evidence;
  const overall = await verifyToken(token, options);
  const digests = digestsOf(token.payload.submods);
  const { nonce } = noncesOf(token.payload);
  const submodules: Record<string, VerifiedClaims> = {};
  const checks: Check[] = [];
  for (const [name, part] of parts) {
    const actual = encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(tokenBytes(part)))));
    if (digests.get(name) !== actual) {
      throw new AttestationError(
        'token/detached-digest-mismatch',
        `expected the token of ${name} that the overall token digests, got another; it belongs to another answer`,
      );
    }
    const authentic = await verifyToken(part, options);
    submodules[name.toLowerCase()] = mint(tokenClaims(authentic, {}, []));
    const { nonce: partNonce } = noncesOf(part.payload);
    const id = `token.nonce.${name.toLowerCase()}`;
    checks.push(partNonce === nonce ? pass(id, 'RFC 9711 §4.1', nonce) : fail(id, 'RFC 9711 §4.1', nonce, partNonce));
  }
  const left = [...digests.keys()].filter((name) => !parts.has(name));
  if (left.length > 0) checks.push(notChecked('token.detached', 'RFC 9711 §4.2.18.2', `no tokens of ${left.join(', ')}`));
  return mint(tokenClaims(overall, submodules, checks));
}

/** Digests of detached submodules: `["DIGEST", ["SHA-256", hex]]`. */
function digestsOf(submods: Json | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (typeof submods !== 'object' || submods === null || Array.isArray(submods)) return found;
  for (const [name, value] of Object.entries(submods as Readonly<Record<string, Json>>)) {
    if (!Array.isArray(value) || value[0] !== 'DIGEST') continue;
    const [algorithm, digest] = Array.isArray(value[1]) ? (value[1] as readonly Json[]) : [];
    found.set(name, algorithm === 'SHA-256' && typeof digest === 'string' ? digest.toLowerCase() : '');
  }
  return found;
}
