/**
 * Vendor commitments as evidence, for agents of a vendor without a TEE (spec/vendor-commitment.md): the statement stands in `report_data` of a promise
 * signed with the vendor's key. Its assurance is low: the holder of the key can promise anything.
 */

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeHex } from '@assay/encoding/hex';
import type { Clock } from '@assay/ledger';
import { type CommitmentKey, sealCommitment } from '@assay/models';
import { ServerError } from '../../errors.ts';
import type { Attester } from '../../ports/attester.ts';
import { measureRunningCode } from './simulated/measurements.ts';

export interface VendorAttesterOptions {
  /** PEM file of the private key, Ed25519 or P-256; `null`: this agent is no vendor's. */
  readonly keyFile: string | null;
  readonly vendor: string;
  readonly clock: Clock;
}

/** How long one promise holds, milliseconds. */
const IN_FORCE = 24 * 3_600_000;

/**
 * The attester of a vendor, `null` without a key.
 * @throws {ServerError} `config/unreadable` for a key that cannot be read or is of another kind.
 */
export async function openVendorAttester({ keyFile, vendor, clock }: VendorAttesterOptions): Promise<Attester | null> {
  if (keyFile === null) return null;
  const key = await vendorKey(keyFile);
  const measurement = encodeHex((await measureRunningCode()).get(0) ?? new Uint8Array(48));
  return {
    name: `vendor ${vendor}`,
    simulated: false,
    attest: async ({ statementDigest, nonce }) => {
      const now = clock.now();
      const evidence = await sealCommitment(
        {
          vendor,
          issuedAt: now - 1000,
          expiresAt: now + IN_FORCE,
          nonce: nonce === null ? null : encodeHex(nonce),
          reportData: encodeHex(statementDigest),
          measurements: { code: measurement },
        },
        key,
      );
      return { teeType: 'vendor', evidenceType: 'vendor-commitment', evidence };
    },
  };
}

async function vendorKey(keyFile: string): Promise<CommitmentKey> {
  try {
    const key = createPrivateKey(readFileSync(keyFile));
    const pkcs8 = new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }));
    const parameters = key.asymmetricKeyType === 'ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' };
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, parameters, false, ['sign']);
    pkcs8.fill(0);
    return { privateKey, spki: new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })) };
  } catch (cause) {
    throw new ServerError(
      'config/unreadable',
      `ASSAY_VENDOR_KEY: expected an Ed25519 or P-256 private key in PEM, got something else in ${keyFile}; make one with openssl genpkey -algorithm ed25519`,
      { cause },
    );
  }
}
