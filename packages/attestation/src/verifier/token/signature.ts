/**
 * Authenticates one token: issuer known, algorithm the issuer's, key supplied or pinned, signature good, in force at `now`.
 * A token's own `jwk`, `jku` and `x5c` choose no key: `x5c` is followed for Google alone, and only to the pinned root.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { bufferSource } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { loadedPart } from '@assay/encoding/loaded-part';
import { decodePem } from '@assay/encoding/pem';
import type { SignatureAlgorithm } from '../../certificates/algorithms.ts';
import { verifyPath } from '../../certificates/path.ts';
import { GOOGLE_ROOTS } from '../../certificates/roots/google.ts';
import { PROOF_OF_CLOUD_KEY } from '../../certificates/roots/proof-of-cloud.ts';
import { importVerifyKey } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { type Certificate, parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { reading } from '../../evidence/reading.ts';
import type { Token } from '../../evidence/token/token.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { TOKEN_ISSUERS, type TokenIssuer } from './issuers.ts';

/**
 * How far the beginning of a token (`nbf`, `iat`) may lie ahead of the time asked about, seconds: issuers and relying parties have clocks of
 * their own (RFC 7519 §4.1.5: "usually no more than a few minutes"). There is no leeway for the end.
 */
export const TOKEN_LEEWAY_SECONDS = 60;

const SPEC = 'RFC 7519; RFC 9711';

/** A token without an end is held to be in force until here, epoch milliseconds (9999-12-31). */
const NO_END = 253_402_300_799_000;

export interface AuthenticToken {
  readonly token: Token;
  readonly issuer: TokenIssuer;
  /** SHA-256 of the DER SubjectPublicKeyInfo of the root, or of the signing key where keys are supplied; lower-case hex. */
  readonly root: string;
  readonly simulated: boolean;
  /** How the key came to be believed, for people. */
  readonly keySource: string;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** What the steps returned: algorithm, signature, beginning, end. */
  readonly checks: readonly Check[];
}

/**
 * @throws {AttestationError} `token/issuer-unknown`, `token/algorithm-refused`, `token/key-missing`, `token/key-malformed`,
 * `token/signature-invalid`, `token/expired`, `token/not-yet-valid`, `token/malformed`, `certificate/…` of a chain.
 */
export async function verifyToken(token: Token, options: VerifyOptions): Promise<AuthenticToken> {
  const issuer = TOKEN_ISSUERS.find((known) => known.matches(token));
  if (issuer === undefined) {
    throw new AttestationError(
      'token/issuer-unknown',
      `expected a token of ${TOKEN_ISSUERS.map(({ name }) => name).join(', ')}, got one of ${String(token.payload.iss)}`,
    );
  }
  const { alg, check: algorithm } = checkAlgorithm(token, issuer);
  const found = await keyOf(token, issuer, alg, options);
  const signature = await checkSignature(token, issuer, alg, found);
  const window = inForce(token, options.now);
  return {
    ...{ token, issuer, root: found.root, simulated: found.simulated, keySource: found.source },
    notBefore: Math.max(window.notBefore, found.notBefore),
    notAfter: Math.min(window.notAfter, found.notAfter),
    checks: [algorithm, signature, ...window.checks],
  };
}

function checkAlgorithm({ header }: Token, issuer: TokenIssuer): { readonly alg: string; readonly check: Check } {
  const { alg } = header;
  if (typeof alg !== 'string' || !issuer.algorithms.includes(alg) || header.crit !== undefined) {
    throw new AttestationError(
      'token/algorithm-refused',
      `expected ${issuer.algorithms.join(' or ')} from ${issuer.name}, got ${String(alg)}; do not trust this token`,
    );
  }
  return { alg, check: pass('token.algorithm', 'RFC 8725 §3.1', alg, issuer.algorithms.join(' or ')) };
}

async function checkSignature(token: Token, issuer: TokenIssuer, alg: string, found: FoundKey): Promise<Check> {
  // Loaded when a token is there, so that pages that never see one do not carry it.
  const { compactVerify } = await loadedPart('signatures of tokens', () => import('jose/jws/compact/verify'));
  try {
    await compactVerify(token.text, found.key, { algorithms: [alg] });
  } catch (cause) {
    throw new AttestationError(
      'token/signature-invalid',
      `expected a token signed by ${issuer.name}, got a bad signature; it was changed`,
      { cause },
    );
  }
  return pass('token.signature', 'RFC 7515 §5.2', found.source);
}

interface FoundKey {
  readonly key: CryptoKey | Uint8Array;
  readonly root: string;
  readonly simulated: boolean;
  readonly source: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

const ALWAYS = { simulated: false, notBefore: 0, notAfter: NO_END };

async function keyOf(token: Token, issuer: TokenIssuer, alg: string, options: VerifyOptions): Promise<FoundKey> {
  if (issuer.family === 'proof-of-cloud') {
    const { spki, name } = PROOF_OF_CLOUD_KEY;
    const key = await importVerifyKey({ spki, algorithm: { name: 'Ed25519' }, cache: options.cache });
    return { ...ALWAYS, key, root: await fingerprint(spki), source: name };
  }
  const { x5c } = token.header;
  if (issuer.family === 'google' && x5c !== undefined) return chainKey(x5c, options);
  return suppliedKey(token, issuer, alg, options);
}

/** RFC 7515 §4.1.6 wants base64 of DER; Google wrote PEM in 2024. */
function certificateIn(text: string): Uint8Array {
  if (!text.startsWith('-----BEGIN CERTIFICATE-----')) return decodeBase64(text);
  const [block, ...others] = decodePem(text.endsWith('\n') ? text : `${text}\n`);
  if (block === undefined || others.length > 0) throw malformed('expected one certificate an entry of x5c');
  return block.der;
}

async function chainKey(x5c: Json, { now, trust, cache }: VerifyOptions): Promise<FoundKey> {
  const chain = reading('token/malformed', 'x5c header', () => {
    if (!Array.isArray(x5c) || x5c.length === 0) throw malformed('expected a list of certificates in x5c');
    return (x5c as readonly Json[]).map((text) => parseCertificate(certificateIn(typeof text === 'string' ? text : '')));
  });
  const path = await verifyPath({ chain, anchors: [...GOOGLE_ROOTS, ...resolveTrust(trust).anchors], now, cache });
  const { spki } = path.chain[0] as Certificate;
  return {
    key: await importVerifyKey({ spki, algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, cache }),
    root: await fingerprint(path.anchor.spki),
    source: `chain to ${path.anchor.name}`,
    simulated: path.anchor.simulated,
    notBefore: path.notBefore,
    notAfter: path.notAfter,
  };
}

async function suppliedKey(token: Token, issuer: TokenIssuer, alg: string, options: VerifyOptions): Promise<FoundKey> {
  const { kid } = token.header;
  const supplied = suppliedKeys(options, token.payload.iss);
  const keys = supplied.filter(
    (jwk) =>
      verifies(jwk) &&
      (kid === undefined || jwk.kid === undefined || jwk.kid === kid) &&
      (jwk.alg === undefined || jwk.alg === alg),
  );
  const named = keys.filter((jwk) => jwk.kid !== undefined && jwk.kid === kid);
  const jwk = named[0] ?? (keys.length === 1 && (kid === undefined || keys[0]?.kid === undefined) ? keys[0] : undefined);
  if (jwk === undefined) {
    const other = supplied.some((each) => !verifies(each) && (kid === undefined || each.kid === kid));
    throw new AttestationError(
      'token/key-missing',
      `expected a key set of ${issuer.name} with key ${String(kid)} for signatures, got ${other ? 'one for another use' : 'none'}; fetch the issuer's JWKS of that time and retry`,
    );
  }
  const source = `key ${String(kid)} of the key set supplied`;
  const certified = await certifiedKey(jwk, alg);
  if (certified !== null) return { ...ALWAYS, ...certified, source };
  const imported = await importKey(jwk, alg);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', imported));
  return { ...ALWAYS, key: imported, root: await fingerprint(spki), source };
}

/** A key that its issuer publishes for verification, or for no use in particular (RFC 7517 §4.2, §4.3). */
function verifies({ use, key_ops: operations }: JsonObject): boolean {
  const signs = use === undefined || use === 'sig';
  return signs && (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));
}

/** Azure's key sets hold certificates (`x5c`) instead of `n` and `e`. Who supplied the set vouches for them, like for any key in it. */
async function certifiedKey(jwk: JsonObject, alg: string): Promise<Pick<FoundKey, 'key' | 'root'> | null> {
  const { kty, n, x, x5c } = jwk;
  const [first] = Array.isArray(x5c) ? (x5c as readonly Json[]) : [];
  const algorithm = CERTIFIED.get(alg);
  if (typeof first !== 'string' || n !== undefined || x !== undefined || algorithm === undefined) return null;
  const { spki } = reading('token/key-malformed', 'certificate in the key set', () => parseCertificate(certificateIn(first)));
  if (kty !== (algorithm.name === 'ECDSA' ? 'EC' : 'RSA')) throw keyMalformed(alg);
  try {
    return { key: await importVerifyKey({ spki, algorithm }), root: await fingerprint(spki) };
  } catch (cause) {
    throw keyMalformed(alg, cause);
  }
}

const CERTIFIED: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ['RS256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
  ['PS384', { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 }],
  ['ES256', { name: 'ECDSA', hash: 'SHA-256' }],
  ['ES384', { name: 'ECDSA', hash: 'SHA-384' }],
]);

async function importKey(jwk: JsonObject, alg: string): Promise<CryptoKey> {
  const { kty, crv, x, y, n, e } = jwk as Readonly<Record<string, string>>;
  const members = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => typeof value === 'string'));
  const { importJWK } = await loadedPart('signatures of tokens', () => import('jose/key/import'));
  try {
    // Without its member `k` a secret cannot be imported, and without `d` no key is a private one.
    return (await importJWK(members, alg, { extractable: true })) as CryptoKey;
  } catch (cause) {
    throw keyMalformed(alg, cause);
  }
}

function keyMalformed(alg: string, cause?: unknown): AttestationError {
  return new AttestationError(
    'token/key-malformed',
    `expected a public key for ${alg} in the key set, got another; give the key set of the issuer`,
    { cause },
  );
}

/** Keys of the sets supplied for this issuer, or for no issuer in particular. */
function suppliedKeys({ endorsements = [] }: VerifyOptions, issuer: Json | undefined): readonly JsonObject[] {
  const sets = endorsements.filter((each) => each.kind === 'jwks' && (each.issuer === null || each.issuer === issuer));
  let fault: unknown;
  const found = sets.flatMap((each) => {
    try {
      return each.kind === 'jwks' ? keysIn(each.json) : [];
    } catch (error) {
      fault ??= error;
      return [];
    }
  });
  // A set that cannot be read spoils no other that lies beside it.
  if (found.length === 0 && fault !== undefined) throw fault;
  return found;
}

function keysIn(text: string): readonly JsonObject[] {
  let set: Json;
  try {
    set = parseJson(text);
  } catch (cause) {
    const message = 'expected a key set in json, got something else; give the JWKS of the issuer unchanged';
    throw new AttestationError('token/key-malformed', message, { cause });
  }
  const keys = isObject(set) ? set.keys : null;
  return Array.isArray(keys) ? (keys as readonly Json[]).filter(isObject) : [];
}

interface Window {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly checks: readonly Check[];
}

/** RFC 7519 §4.1: `nbf` and `iat` ≤ now, with leeway, and now < `exp`. Proof of Cloud tokens have none of them. */
function inForce({ payload }: Token, now: number): Window {
  const [begin, issued, end] = [instant(payload.nbf, 'nbf'), instant(payload.iat, 'iat'), instant(payload.exp, 'exp')];
  const start = begin === null && issued === null ? null : Math.max(begin ?? 0, issued ?? 0);
  if (start !== null && now < start - TOKEN_LEEWAY_SECONDS * 1000) {
    throw new AttestationError(
      'token/not-yet-valid',
      `expected a token in force, got one from ${new Date(start).toISOString()} on, more than ${TOKEN_LEEWAY_SECONDS} s ahead; check the clock`,
    );
  }
  if (end !== null && now >= end) {
    throw new AttestationError(
      'token/expired',
      `expected a token in force, got one that ended ${new Date(end).toISOString()}; get a fresh one, or ask about its own time`,
    );
  }
  return { notBefore: start ?? 0, notAfter: end ?? NO_END, checks: [startCheck(start, now), endCheck(end)] };
}

function startCheck(start: number | null, now: number): Check {
  if (start === null) return notChecked('token.not-before', SPEC, 'the token has no beginning');
  const ahead = Math.max(0, Math.ceil((start - now) / 1000));
  const leeway = `at most ${TOKEN_LEEWAY_SECONDS} s ahead of the time asked about`;
  return pass('token.not-before', SPEC, ahead > 0 ? `${ahead} s ahead` : 'begun', leeway);
}

function endCheck(end: number | null): Check {
  return end === null
    ? notChecked('token.expiry', SPEC, 'the token has no end')
    : pass('token.expiry', SPEC, `until ${new Date(end).toISOString()}`);
}

/** NumericDate in milliseconds, `null` when absent. */
function instant(value: Json | undefined, name: string): number | null {
  if (value === undefined || value === null) return null;
  const milliseconds = typeof value === 'number' ? Math.trunc(value * 1000) : Number.NaN;
  if (milliseconds >= 0 && milliseconds <= NO_END) return milliseconds;
  throw malformed(`expected seconds since 1970 in "${name}"`);
}

async function fingerprint(spki: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(spki))));
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('token/malformed', message);
}
