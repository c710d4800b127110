/**
 * What the report data of a node commits to. A key or address that the evidence does not bind is refused: anyone could have written
 * it there. A nonce is a question of freshness and comes out as a check.
 */

import { bufferSource, concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { ethereumAddress } from '../../evidence/combined/answer-signature.ts';
import type { NodeBinding } from '../../evidence/combined/combined-report.ts';
import { TINFOIL_REPORT_DATA } from '../../evidence/combined/tinfoil-sections.ts';
import { allZero } from '../../evidence/reading.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { BoundKeyIdentity } from '../../model/claims.ts';

const SPEC = 'combined report data';
const BINDING = 'combined.key-binding';
const NONCE = 'combined.nonce';

export interface BoundKeys {
  readonly checks: readonly Check[];
  /** Identity that the report data vouches for. */
  readonly identity: BoundKeyIdentity;
  /** The nonce the report data answers, lower-case hex; `null` when it could not be established. */
  readonly nonce: string | null;
  /** The key bound, lower-case hex; `null` when none. */
  readonly publicKey: string | null;
  /** What GPU evidence of this node must answer, lower-case hex; `null` when unknown. */
  readonly gpuNonce: string | null;
}

/**
 * @param reportData 64 bytes, lower-case hex, signed.
 * @throws {AttestationError} `combined/key-unbound`, `combined/public-key-mismatch`, `certificate/malformed`.
 */
export async function boundKeys(binding: NodeBinding, reportData: string): Promise<BoundKeys> {
  const data = decodeHex(reportData);
  switch (binding.rule) {
    case 'signing-address':
      return signingAddress(binding, data);
    case 'actions':
      return {
        checks: [
          checkBound(equalBytes(data.subarray(0, 32), binding.hash), data, 'the hash of the actions', 'actions hash ‖ nonce'),
          nonceCheck(binding.nonce, data),
          notChecked('combined.actions', SPEC, 'how the list of actions is hashed is not specified'),
        ],
        ...{ identity: {}, publicKey: null, gpuNonce: null },
        nonce: boundNonce(binding.nonce, data),
      };
    case 'chutes':
      return chutes(binding, data);
    case 'tinfoil':
      return tinfoil(binding, data);
    case 'tinfoil-sections':
      return tinfoilSections(binding, data);
    case 'tinfoil-keys':
      return tinfoilKeys(binding, data);
  }
}

type Rule<Name extends NodeBinding['rule']> = Extract<NodeBinding, { readonly rule: Name }>;

async function signingAddress(binding: Rule<'signing-address'>, data: Uint8Array): Promise<BoundKeys> {
  const { address, algorithm, publicKey, tlsFingerprint, tlsCandidates } = binding;
  const [first] = [data.subarray(0, 32)];
  const plain = new Uint8Array(32);
  plain.set(address);
  const bound = await boundTlsKey(first, address, tlsFingerprint === null ? tlsCandidates : [tlsFingerprint, ...tlsCandidates]);
  const bindsTls = bound !== null;
  // A nonce that the document does not repeat is signed all the same.
  const nonce = binding.nonce ?? data.subarray(32);
  const checks: Check[] = [
    checkBound(
      bindsTls || equalBytes(first, plain),
      data,
      'the signing address',
      bindsTls ? 'sha256(address ‖ tls fingerprint) ‖ nonce' : 'address ‖ zeros ‖ nonce',
    ),
    binding.nonce === null
      ? notChecked(NONCE, SPEC, `the document names no nonce; the signed one is ${encodeHex(nonce)}`)
      : nonceCheck(nonce, data),
  ];
  if (tlsFingerprint !== null && (bound === null || !equalBytes(bound, tlsFingerprint))) {
    checks.push(fail('combined.tls-binding', SPEC, 'a tls fingerprint that the report data commits to', 'the address alone'));
  }
  if (publicKey !== null) checks.push(publicKeyCheck(publicKey, address, algorithm));
  return {
    checks,
    identity: {
      'signing-address': encodeHex(address),
      'signing-algorithm': algorithm,
      ...(bound === null ? {} : { 'tls-fingerprint': encodeHex(bound) }),
    },
    nonce: boundNonce(nonce, data),
    publicKey: encodeHex(publicKey ?? address),
    gpuNonce: encodeHex(nonce),
  };
}

/** The TLS key that the first half of the report data commits to together with the address; `null` when it commits to none. */
async function boundTlsKey(
  first: Uint8Array,
  address: Uint8Array,
  fingerprints: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  for (const fingerprint of fingerprints) {
    if (equalBytes(first, await sha256(concatBytes(address, fingerprint)))) return fingerprint;
  }
  return null;
}

function publicKeyCheck(publicKey: Uint8Array, address: Uint8Array, algorithm: 'ecdsa' | 'ed25519'): Check {
  const derived = algorithm === 'ecdsa' ? ethereumAddress(publicKey) : publicKey;
  if (equalBytes(derived, address)) return pass('combined.public-key', SPEC, encodeHex(publicKey));
  throw new AttestationError(
    'combined/public-key-mismatch',
    'expected the public key of the signing address, got another; do not encrypt to it',
    { details: { address: encodeHex(address), derived: encodeHex(derived) } },
  );
}

async function chutes({ nonce, encryptionKey, certificate }: Rule<'chutes'>, data: Uint8Array): Promise<BoundKeys> {
  const [first, second] = [data.subarray(0, 32), data.subarray(32)];
  const checks: Check[] = [];
  if (nonce === null || encryptionKey === null) {
    checks.push(notChecked(BINDING, SPEC, 'nonce and encryption key did not come along'));
  } else {
    const isBound = equalBytes(first, await sha256(utf8(`${nonce}${encryptionKey}`)));
    checks.push(checkBound(isBound, data, 'the encryption key', 'sha256(nonce ‖ encryption key)'), pass(NONCE, SPEC, nonce));
  }
  let fingerprint: string | null = null;
  if (certificate === null) checks.push(notChecked('combined.tls-binding', SPEC, 'no certificate came along'));
  else {
    const digest = await sha256(parseCertificate(certificate).spki);
    if (!equalBytes(second, digest)) throw unbound('the key of the certificate', encodeHex(data));
    fingerprint = encodeHex(digest);
    checks.push(pass('combined.tls-binding', SPEC, fingerprint));
  }
  const bound = nonce !== null && encryptionKey !== null;
  return {
    checks,
    identity: {
      ...(bound ? { 'encryption-key': encryptionKey } : {}),
      ...(fingerprint === null ? {} : { 'tls-key-fingerprint': fingerprint }),
    },
    nonce: bound ? nonce.toLowerCase() : null,
    publicKey: null,
    gpuNonce: encodeHex(first),
  };
}

async function tinfoil(binding: Rule<'tinfoil'>, data: Uint8Array): Promise<BoundKeys> {
  const { tlsFingerprint, hpkeKey, nonce, gpu, switches, certificate } = binding;
  const hashes = await Promise.all([gpu, switches].flatMap((part) => (part === null ? [] : [sha256(utf8(part))])));
  const wanted = await sha256(concatBytes(tlsFingerprint, hpkeKey, nonce, ...hashes));
  const isBound = equalBytes(data.subarray(0, 32), wanted) && allZero(data.subarray(32));
  const rule = `sha256(tls key ‖ hpke key ‖ nonce${' ‖ device evidence'.repeat(hashes.length)})`;
  const bound = checkBound(isBound, data, 'tls and hpke keys', rule);
  const checks: Check[] = [
    ...(await certificateCheck(certificate, encodeHex(tlsFingerprint))),
    bound,
    pass(NONCE, SPEC, encodeHex(nonce)),
  ];
  if (gpu !== null) checks.push(pass('combined.gpu-binding', SPEC, 'the cpu evidence commits to the gpu evidence'));
  return {
    checks,
    identity: { 'tls-key-fingerprint': encodeHex(tlsFingerprint), 'hpke-key': encodeHex(hpkeKey) },
    nonce: encodeHex(nonce),
    publicKey: encodeHex(hpkeKey),
    gpuNonce: encodeHex(nonce),
  };
}

async function tinfoilSections(binding: Rule<'tinfoil-sections'>, data: Uint8Array): Promise<BoundKeys> {
  const { keys, devices, nonce, hasGpus } = binding;
  const wanted = await sha256(concatBytes(utf8(TINFOIL_REPORT_DATA), nonce, await sha256(keys), await sha256(devices)));
  const isBound = equalBytes(data.subarray(0, 32), wanted) && allZero(data.subarray(32));
  const rule = 'sha256(algorithm ‖ nonce ‖ sha256(keys) ‖ sha256(devices))';
  const [fingerprint, hpkeKey] = [encodeHex(binding.tlsFingerprint), encodeHex(binding.hpkeKey)];
  return {
    checks: [
      checkBound(isBound, data, 'the sections with keys and devices', rule),
      pass(NONCE, SPEC, encodeHex(nonce)),
      ...(hasGpus ? [pass('combined.gpu-binding', SPEC, 'the cpu evidence commits to the gpu evidence')] : []),
    ],
    identity: { 'tls-key-fingerprint': fingerprint, 'hpke-key': hpkeKey },
    nonce: encodeHex(nonce),
    publicKey: hpkeKey,
    gpuNonce: encodeHex(nonce),
  };
}

/** The document names no keys: the report data itself is where they stand, so nothing can be unbound. */
async function tinfoilKeys({ version, certificate }: Rule<'tinfoil-keys'>, data: Uint8Array): Promise<BoundKeys> {
  const text = new TextDecoder('latin1').decode(data);
  const isBound = version !== 1 || /^[0-9a-f]{64}$/.test(text);
  const rule = version === 1 ? 'tls key in hex' : 'tls key ‖ hpke key';
  const bound = checkBound(isBound, data, 'a tls key as hex digits', rule);
  const fingerprint = version === 1 ? text : encodeHex(data.subarray(0, 32));
  const hpkeKey = version === 1 || allZero(data.subarray(32)) ? null : encodeHex(data.subarray(32));
  return {
    checks: [
      bound,
      ...(await certificateCheck(certificate, fingerprint)),
      notChecked(NONCE, SPEC, `version ${version} answers no nonce: the document can be old`),
    ],
    identity: { 'tls-key-fingerprint': fingerprint, ...(hpkeKey === null ? {} : { 'hpke-key': hpkeKey }) },
    nonce: null,
    publicKey: hpkeKey,
    gpuNonce: null,
  };
}

/** Whether a TLS certificate in the document has the attested key. */
async function certificateCheck(certificate: Uint8Array | null, expected: string): Promise<readonly Check[]> {
  if (certificate === null) return [];
  const actual = encodeHex(await sha256(parseCertificate(certificate).spki));
  const id = 'combined.tls-binding';
  return [expected === actual ? pass(id, SPEC, actual) : fail(id, SPEC, expected, actual)];
}

function nonceCheck(nonce: Uint8Array, data: Uint8Array): Check {
  const [expected, actual] = [encodeHex(nonce), encodeHex(data.subarray(32))];
  return expected === actual ? pass(NONCE, SPEC, actual) : fail(NONCE, SPEC, expected, actual);
}

function boundNonce(nonce: Uint8Array, data: Uint8Array): string | null {
  return equalBytes(nonce, data.subarray(32)) ? encodeHex(nonce) : null;
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(bytes)));
}

/**
 * The check that the report data commits to `what` by `rule`.
 * @throws {AttestationError} `combined/key-unbound`.
 */
function checkBound(isBound: boolean, data: Uint8Array, what: string, rule: string): Check {
  if (!isBound) throw unbound(what, encodeHex(data));
  return pass(BINDING, SPEC, rule);
}

function unbound(what: string, reportData: string): AttestationError {
  return new AttestationError(
    'combined/key-unbound',
    `expected report data that commits to ${what}, got other report data; do not trust that key or address`,
    { details: { reportData } },
  );
}
