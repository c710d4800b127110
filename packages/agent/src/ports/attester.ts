/**
 * The port to the TEE the agent runs in. It quotes exactly one thing: the statement that names the keyset and the client's nonce
 * (design rule 5: no caller-chosen report data is ever quoted).
 */

import type { EvidenceType } from '@assay/attestation';
import type { Digest, Keyset } from '@assay/receipt';

export interface AttestationRequest {
  /** SHA-256 of the canonical statement, 32 bytes. Carriers with 64 bytes of report data pad it with zeros on the right. */
  readonly statementDigest: Uint8Array;
  /** The client's nonce, 32 bytes, or `null` for the unchallenged form; Nitro carries it in `nonce` as well. */
  readonly nonce: Uint8Array | null;
  /** How many bytes of the nonce carriers with a slot for it take; all, when left out. The rest are zeros that a client of nitriding did not send. */
  readonly nonceLength?: number | undefined;
  /** DER SubjectPublicKeyInfo or raw HPKE key of the channel, for carriers with a `public_key` slot (Nitro). */
  readonly channelPublicKey: Uint8Array | null;
}

export interface AttesterEvidence {
  /** `aci/1` `tee_type`: `nitro`, `tdx`, `sev_snp`, `sgx`, `vendor`. */
  readonly teeType: string;
  readonly evidenceType: EvidenceType;
  /** Goes into the report's `evidence` object as it is; JSON-safe, bytes as base64. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds that the TEE signed, where it signs a time. */
  readonly platformTime?: number | undefined;
}

export interface Attester {
  readonly name: string;
  /** True for the simulator only; every surface that shows this agent must then say so in red. */
  readonly simulated: boolean;
  /** PEM of the simulator's root, for those who name it on purpose; other TEEs have none. */
  readonly rootCertificate?: string;
  attest(request: AttestationRequest): Promise<AttesterEvidence>;
  /**
   * 32 secret bytes that the platform gives to this code alone, the same at every start. Platforms without such a secret leave it out.
   * @throws {ServerError} `attester/unavailable`.
   */
  keptSecret?(): Promise<Uint8Array>;
  /**
   * 32 secret bytes of their own for the file of the data key, in memory that the caller clears. The platform gives the same to every version of the
   * application, on every machine: what is sealed under them outlives an upgrade. Platforms without such a secret leave it out.
   * @throws {ServerError} `attester/unavailable`.
   */
  dataKeySecret?(): Promise<Uint8Array>;
}

/** What attests one result (spec/keyset.md §2a). */
export interface ResultAttestation {
  readonly purpose: 'assay.result.v1';
  readonly result: Digest;
  readonly nonce: string | null;
  readonly statement: string;
  readonly tee_type: string;
  /** Name of the attester, e.g. `dstack`. */
  readonly attester: string;
  readonly simulated: boolean;
  readonly workload_keyset_digest: Digest;
  readonly workload_keyset: Keyset;
  /** Hex of the statement's SHA-256. */
  readonly report_data: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
