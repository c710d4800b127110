/**
 * A TLS key made in the enclave at start, with a certificate it signs itself. Clients do not trust the certificate; they compare the
 * hash of its public key with `tls_public_keys` of the attested keyset (ACI §1.1, SPKI pinning). The private key is never stored.
 */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodePem } from '@assay/encoding/pem';
import {
  ALGORITHM_IDENTIFIERS,
  basicConstraints,
  encodeName,
  encodeSigned,
  encodeTbsCertificate,
  keyUsage,
} from '@assay/encoding/x509-writer';

export interface TlsKey {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly spkiSha256: string;
}

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const BACKDATED_MS = 60_000; // clock difference forgiven

/** A fresh P-256 key and a certificate for `hosts` until `notAfter` (epoch milliseconds). */
export function createTlsKey(hosts: readonly string[], now: number, notAfter: number): TlsKey {
  const pair = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const subject = encodeName({ CN: 'Assay agent, pinned by its attested keyset' });
  const algorithm = ALGORITHM_IDENTIFIERS['ecdsa-sha256'];
  const tbs = encodeTbsCertificate({
    serial: randomBytes(16),
    algorithm,
    issuer: subject,
    subject,
    notBefore: now - BACKDATED_MS,
    notAfter,
    spki: new Uint8Array(pair.publicKey),
    extensions: [
      basicConstraints(false),
      keyUsage(0),
      { oid: SUBJECT_ALTERNATIVE_NAME, critical: false, value: alternativeNames(hosts) },
    ],
  });
  const signature = new Uint8Array(sign('sha256', tbs, pair.privateKey)); // DER, as X.509 wants it
  return {
    privateKeyPem: pair.privateKey,
    certificatePem: encodePem('CERTIFICATE', encodeSigned(tbs, algorithm, signature)),
    spkiSha256: createHash('sha256').update(pair.publicKey).digest('hex'),
  };
}

/** GeneralNames (RFC 5280 §4.2.1.6): dNSName [2], iPAddress [7]. */
function alternativeNames(hosts: readonly string[]): Uint8Array {
  const names = hosts.map((host) =>
    isIP(host) === 4 ? encodeDer(0x87, Uint8Array.from(host.split('.').map(Number))) : encodeDer(0x82, utf8(host)),
  );
  return encodeDer(DER_TAG.sequence, concatBytes(...names));
}
