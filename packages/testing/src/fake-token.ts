/** Attestation tokens as each service signs them, under keys made here, with the key set that authenticates them. */

import type { Endorsement } from '@assay/attestation';
import { encodeBase64Url } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { FAKE_NOW } from '@assay/simulator';

export type FakeTokenIssuer = 'nras' | 'intel' | 'azure' | 'google' | 'ear';

export interface FakeToken {
  /** Compact form. */
  readonly text: string;
  readonly file: Uint8Array;
  readonly keySet: Endorsement;
}

export interface FakeTokenOptions {
  /** Epoch milliseconds; the token begins a minute earlier and ends an hour later. {@link FAKE_NOW} by default. */
  readonly now?: number;
}

const HASH = { ES256: 'SHA-256', ES384: 'SHA-384', RS256: 'SHA-256', PS384: 'SHA-384' } as const;
type Algorithm = keyof typeof HASH;

const ISSUERS: Readonly<Record<FakeTokenIssuer, { readonly algorithm: Algorithm; readonly claims: object }>> = {
  nras: { algorithm: 'ES384', claims: { iss: 'https://nras.attestation.nvidia.com' } },
  intel: { algorithm: 'PS384', claims: { iss: 'https://portal.trustauthority.intel.com' } },
  azure: { algorithm: 'RS256', claims: { iss: 'https://sharedweu.weu.attest.azure.net' } },
  google: { algorithm: 'RS256', claims: { iss: 'https://confidentialcomputing.googleapis.com' } },
  ear: { algorithm: 'ES256', claims: { iss: 'verifier.example', eat_profile: 'tag:github.com,2023:veraison/ear' } },
};

/**
 * A token of `issuer` with `claims`; claims given replace the times and names that every token has.
 * @example
 * const { file, keySet } = await fakeToken('nras', { 'x-nvidia-overall-att-result': false });
 */
export async function fakeToken(issuer: FakeTokenIssuer, claims: object, options: FakeTokenOptions = {}): Promise<FakeToken> {
  const { algorithm, claims: own } = ISSUERS[issuer];
  const seconds = Math.floor((options.now ?? FAKE_NOW) / 1000);
  const payload = { iat: seconds - 60, nbf: seconds - 60, exp: seconds + 3600, ...own, ...claims };
  const pair = await keyPair(algorithm);
  const signed = [{ alg: algorithm, kid: algorithm, typ: 'JWT' }, payload]
    .map((part) => encodeBase64Url(utf8(JSON.stringify(part))))
    .join('.');
  const signature = await crypto.subtle.sign(signingOf(algorithm), pair.privateKey, utf8(signed));
  const text = `${signed}.${encodeBase64Url(new Uint8Array(signature))}`;
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const { kty, crv, x, y, n, e } = jwk;
  const keys = [{ kty, crv, x, y, n, e, kid: algorithm }];
  return { text, file: utf8(text), keySet: { kind: 'jwks', json: JSON.stringify({ keys }), issuer: null } };
}

const pairs = new Map<Algorithm, Promise<CryptoKeyPair>>();

function keyPair(algorithm: Algorithm): Promise<CryptoKeyPair> {
  let pair = pairs.get(algorithm);
  if (pair === undefined) {
    pair = crypto.subtle.generateKey(keyOf(algorithm), true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
    pairs.set(algorithm, pair);
  }
  return pair;
}

function keyOf(algorithm: Algorithm): RsaHashedKeyGenParams | EcKeyGenParams {
  if (algorithm.startsWith('ES')) return { name: 'ECDSA', namedCurve: algorithm === 'ES256' ? 'P-256' : 'P-384' };
  const name = algorithm === 'PS384' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5';
  return { name, hash: HASH[algorithm], modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
}

function signingOf(algorithm: Algorithm): EcdsaParams | RsaPssParams | { readonly name: string } {
  if (algorithm.startsWith('ES')) return { name: 'ECDSA', hash: HASH[algorithm] };
  return algorithm === 'PS384' ? { name: 'RSA-PSS', saltLength: 48 } : { name: 'RSASSA-PKCS1-v1_5' };
}
