/**
 * The record of one verification of an upstream (ACI §8): what was proven, by whom, from which bytes, for how long. A claim
 * that was not checked reads `unknown`; a simulator's evidence never reads as a TEE's.
 *
 * An empty `channel_binding` says on purpose that the report vouches for the key that signs answers and does not bind the connection. Then
 * `tee_attested`, which is about where the channel ends (§8.3), stays `unknown`; `extra.signing_key_in_tee` says what was proven.
 */

import { createHash } from 'node:crypto';
import { type Claims, endorsementFiles, type NamedClaims, packCollateral } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { type AttestedSession, attestedGpus } from '@assay/upstream';
import type { UpstreamSession } from '../../ports/upstream.ts';

/** What vouches for an answer, where that is kept, and the member of `claims.extra` that says whether its key is in a TEE. */
const VOUCHING = {
  signed: {
    covers: 'the model request and response: upstream.signed in the receipt, upstream-signature in its bundle',
    inTee: 'signing_key_in_tee',
  },
  sealed: {
    covers: 'the channel that carried request and response: upstream.sealed in the receipt; the answer has no signature',
    inTee: 'hpke_key_in_tee',
  },
} as const satisfies Record<AttestedSession['vouching'], unknown>;
const UNKNOWN = { status: 'unknown' } as const;
const MEASUREMENTS = /^(mrtd|rtmr[0-3]|mrconfigid|compose-hash|os-image-hash|measurement)$/;

/** @param name label of the upstream. */
export function sessionRecord(name: string, session: AttestedSession): UpstreamSession {
  const { node, origin, evidence, signer } = session;
  const { result, nonce, verifiedAt, expiresAt } = evidence;
  const { simulated } = result.appraisal;
  const gpus = attestedGpus(node);
  const collateral = packCollateral(endorsementFiles(evidence.endorsements));
  const bindings = bindingsOf(name, session);
  const document: JsonObject = {
    api_version: 'aci/1',
    upstream_name: name,
    endpoint: origin,
    verifier_id: session.verifier,
    established_at: Math.floor(verifiedAt / 1000),
    expires_at: Math.floor(expiresAt / 1000),
    identity: session.identity,
    channel_binding: bindings.map(({ entry }) => entry),
    claims: { ...claimsOf(session, gpus), tee_attested: teeAttested(bindings, simulated) },
    evidence: {
      digest: digest(evidence.report),
      data: dataUri(evidence.report),
      nonce,
      collateral: { digest: digest(collateral), data: dataUri(collateral) },
    },
  };
  return {
    sessionId: createHash('sha256').update(canonicalJson(document), 'utf8').digest('hex'),
    document,
    expiresAt,
    facts: {
      type: simulated ? 'simulated' : teeName(node, gpus),
      simulated,
      measurements: measurementsOf(node),
      signing: { ...signer, covers: VOUCHING[session.vouching].covers },
      nonce,
      verifiedAt,
    },
  };
}

interface ChannelBinding {
  readonly entry: JsonObject;
  /** What it means for the prompt, for people. */
  readonly reason: string;
}

/** What is enforced on every connection that carries a prompt (ACI §8.2). */
function bindingsOf(provider: string, { origin, channel }: AttestedSession): readonly ChannelBinding[] {
  const { tlsKey, sealedTo } = channel;
  const bindings: ChannelBinding[] = [];
  if (tlsKey !== null)
    bindings.push({
      entry: { type: 'tls_spki_sha256', origin, spki_sha256: tlsKey },
      reason: 'every connection shows the TLS key that the report data commits to',
    });
  if (sealedTo !== null) {
    const { algorithm, publicKey } = sealedTo;
    const public_key_sha256 = createHash('sha256').update(decodeHex(publicKey)).digest('hex');
    bindings.push({
      entry: { type: 'e2ee_public_key_sha256', provider, algorithm, public_key_sha256 },
      reason: 'prompts are encrypted to the key that the report data commits to',
    });
  }
  return bindings;
}

/** About where the channel ends (ACI §8.3): asserted only when a key of that TEE was pinned or sealed to. */
function teeAttested(bindings: readonly ChannelBinding[], simulated: boolean): JsonObject {
  if (simulated || bindings.length === 0) return UNKNOWN;
  return { status: 'asserted', source: 'hardware_proven', reason: bindings.map(({ reason }) => reason).join('; ') };
}

function claimsOf({ node, evidence, vouching, model }: AttestedSession, gpus: readonly NamedClaims[]): JsonObject {
  const { simulated, policy } = evidence.result.appraisal;
  const status = node.tcb?.status ?? null;
  return {
    gpu_attested:
      simulated || gpus.length === 0
        ? UNKNOWN
        : {
            status: 'asserted',
            source: 'hardware_proven',
            reason: `${gpus.length} genuine NVIDIA GPUs answered the same nonce; not proven to sit in that machine`,
          },
    tcb_up_to_date:
      simulated || status === null
        ? UNKNOWN
        : {
            status: status === 'UpToDate' ? 'asserted' : 'refuted',
            source: 'verifier_derived',
            reason: `Intel's collateral says ${status}`,
          },
    os_known_good: UNKNOWN,
    serving_software_known_good: UNKNOWN,
    model_weights_provenance: UNKNOWN,
    extra: {
      simulated,
      policy,
      tcb_status: status ?? 'none',
      gpu_count: gpus.length,
      gpu_arch: gpus[0]?.identity.architecture ?? null,
      measurements: measurementsOf(node),
      [VOUCHING[vouching].inTee]: !simulated,
      ...(model === null ? {} : { asked_model: model }),
    },
  };
}

/** The names that the seed's tools know. */
function teeName(node: Claims, gpus: readonly NamedClaims[]): string {
  if (gpus.length > 0 && gpus.every(({ identity }) => identity.architecture === 'HOPPER')) return 'nvidia_h100_tee';
  return node.type === 'sev-snp' ? 'amd_sev' : 'intel_tdx';
}

function measurementsOf(node: Claims): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(node.measurements).filter(([name]) => MEASUREMENTS.test(name)));
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function dataUri(bytes: Uint8Array): string {
  return `data:application/json;base64,${encodeBase64(bytes)}`;
}
