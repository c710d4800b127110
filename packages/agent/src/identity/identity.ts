/**
 * Who this agent is: a keyset, and the reports in which the TEE vouches for it (spec/keyset.md). The TEE is asked to quote one thing
 * only, the statement built here from the keyset's digest and the client's nonce. rotation.ts puts one keyset after another in force.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import type { Clock } from '@assay/ledger';
import {
  type Digest,
  type Keyset,
  type KeysetKey,
  keysetDigest,
  parseKeyset,
  resultStatementDigest,
  resultStatementText,
  statementDigest,
} from '@assay/receipt';
import { ServerError } from '../errors.ts';
import type { Attester, AttesterEvidence, ResultAttestation } from '../ports/attester.ts';

/** Where the code came from, as far as the operator says; never bound by the quote itself. */
export interface SourceProvenance {
  readonly repo_url: string | null;
  readonly repo_commit: string | null;
  readonly image_digest: string | null;
  readonly image_provenance: null;
}

export interface IdentityOptions {
  readonly attester: Attester;
  /** Epoch seconds at which the keyset ends. */
  readonly notAfter: number;
  /** Public halves of the receipt and leaf keys. */
  readonly receiptKeys: readonly KeysetKey[];
  /** Keys of the encrypted channel; empty when it is not offered. */
  readonly channelKeys: readonly KeysetKey[];
  /** Keys that TLS connections are pinned to; none without TLS. */
  readonly tlsKeys?: readonly { readonly spki_sha256: string }[];
  /** For carriers with a slot for it (Nitro). */
  readonly channelPublicKey: Uint8Array | null;
  readonly clock: Clock;
  readonly provenance?: SourceProvenance;
  /** Names the agent for as long as it lives; `null` when it has no operator manifest. */
  readonly subject?: string | null | undefined;
}

/** A report and the parts that are reused elsewhere. */
export interface IssuedReport {
  /** As served (spec/keyset.md §4). */
  readonly document: JsonObject;
  readonly evidence: AttesterEvidence;
  /** The keyset that the document attests. */
  readonly keysetDigest: Digest;
  /** Epoch milliseconds. */
  readonly issuedAt: number;
}

export interface Identity {
  readonly keyset: Keyset;
  readonly keysetDigest: Digest;
  readonly attester: Attester;
  /** Resolves when the keyset is one in its time; where keysets are replaced, that may take making one. */
  inForce(): Promise<void>;
  /**
   * A report for `nonce`: a fresh quote each time. For `null`, the unchallenged form, which is kept for some minutes.
   * `nonceLength`: bytes of the nonce that a carrier's slot for it takes, for clients that know shorter ones.
   * @throws {ServerError} `http/bad-parameter` for a malformed nonce, `attester/unavailable` when the TEE gives no evidence.
   */
  report(nonce: string | null, nonceLength?: number): Promise<IssuedReport>;
  /**
   * Evidence about one result: the TEE quotes the statement of spec/keyset.md §2a. `result` is a digest that this agent computed itself;
   * one that a client sent must never get here.
   * @throws {ServerError} `attester/unavailable`.
   */
  attestResult(result: Digest, nonce: string | null): Promise<ResultAttestation>;
}

const UNCHALLENGED_FOR_MS = 10 * 60_000;
const NO_PROVENANCE: SourceProvenance = { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null };

/** A keyset of these keys, with its reports. */
export function createIdentity(options: IdentityOptions): Identity {
  const { attester, clock } = options;
  const keyset = parseKeyset({
    subject: options.subject ?? null,
    not_after: options.notAfter,
    receipt_signing_keys: options.receiptKeys,
    e2ee_public_keys: options.channelKeys,
    tls_public_keys: options.tlsKeys ?? [],
  });
  const digest = keysetDigest(keyset);
  let unchallenged: Promise<IssuedReport> | null = null;
  let unchallengedAt = 0;

  const issue = async (nonce: string | null, nonceLength?: number): Promise<IssuedReport> => {
    const statement = statementDigest(digest, nonce);
    const evidence = await quote(attester, statement, nonce, { channelPublicKey: options.channelPublicKey, nonceLength });
    const document = {
      api_version: 'aci/1',
      workload_keyset_digest: digest,
      attestation: {
        tee_type: evidence.teeType,
        workload_keyset: keyset,
        report_data: encodeHex(statement),
        source_provenance: options.provenance ?? NO_PROVENANCE,
        evidence: evidence.evidence,
      },
      service_capabilities: { supported_e2ee_versions: [], serving: 'aggregator' },
    } as unknown as JsonObject; // its parts are JSON by their types' contracts
    return { document, evidence, keysetDigest: digest, issuedAt: clock.now() };
  };

  return {
    keyset,
    keysetDigest: digest,
    attester,
    inForce: () => Promise.resolve(),
    attestResult: async (result, nonce) => {
      const statement = resultStatementDigest(digest, nonce, result);
      const { teeType, evidence } = await quote(attester, statement, nonce, { channelPublicKey: options.channelPublicKey });
      return {
        purpose: 'assay.result.v1',
        result,
        nonce,
        statement: resultStatementText(digest, nonce, result),
        tee_type: teeType,
        attester: attester.name,
        simulated: attester.simulated,
        workload_keyset_digest: digest,
        workload_keyset: keyset,
        report_data: encodeHex(statement),
        evidence,
      };
    },
    report: async (nonce, nonceLength) => {
      if (nonce !== null && !/^[0-9a-f]{64}$/.test(nonce)) {
        throw new ServerError(
          'http/bad-parameter',
          `nonce: expected 32 random bytes as 64 lower-case hex characters, got ${nonce.length} characters; make one with openssl rand -hex 32`,
        );
      }
      if (nonce !== null) return issue(nonce, nonceLength);
      if (unchallenged === null || clock.now() - unchallengedAt > UNCHALLENGED_FOR_MS) {
        unchallengedAt = clock.now();
        unchallenged = issue(null);
        unchallenged.catch(() => {
          unchallenged = null;
        });
      }
      return unchallenged;
    },
  };
}

async function quote(
  attester: Attester,
  statement: Uint8Array,
  nonce: string | null,
  slots: { readonly channelPublicKey: Uint8Array | null; readonly nonceLength?: number | undefined },
): Promise<AttesterEvidence> {
  try {
    return await attester.attest({
      statementDigest: statement,
      nonce: nonce === null ? null : decodeHex(nonce, { bytes: 32 }),
      ...slots,
    });
  } catch (cause) {
    if (ServerError.is(cause) && cause.code === 'attester/unavailable') throw cause;
    throw new ServerError(
      'attester/unavailable',
      `${attester.name} gave no evidence; check the device and the agent's log, then try again`,
      { cause },
    );
  }
}
