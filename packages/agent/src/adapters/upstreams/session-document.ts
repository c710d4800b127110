/**
 * The record of one verification of an upstream (ACI §8): what was proven, by whom, from which bytes, for how long. A claim
 * that nobody checked reads `unknown`; a simulator's evidence never reads as a TEE's.
 *
 * An empty `channel_binding` says on purpose that the report vouches for the key that signs answers and does not bind the connection. Then
 * `tee_attested`, which is about where the channel ends (§8.3), stays `unknown`; `extra.signing_key_in_tee` says what was proven.
 */

import { createHash } from 'node:crypto';
import { type Claims, endorsementFiles, type NamedClaims, packCollateral } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import {
  attestedGpus,
  type EnclaveAttestation,
  enclaveNode,
  type FreshEvidence,
  type ProxyAttestation,
  signingNodes,
} from '@assay/upstream';
import type { UpstreamFacts, UpstreamSession } from '../../ports/upstream.ts';
import { type ChannelBinding, teeAttested } from './session-binding.ts';

const SIGNED = 'the model request and response: upstream.signed in the receipt, upstream-signature in its bundle';
const SEALED = 'the channel that carried request and response: upstream.sealed in the receipt; nobody signed the answer';
const UNKNOWN = { status: 'unknown' } as const;
const MEASUREMENTS = /^(mrtd|rtmr[0-3]|mrconfigid|compose-hash|os-image-hash|measurement)$/;

/** A verification of any kind of upstream, as a session records it. */
export interface VerifiedEvidence extends FreshEvidence {
  readonly nonce: string;
  /** Which verifier, with its version. */
  readonly verifier: string;
  /** The node whose keys are relied on. */
  readonly node: Claims;
  /** Verifier-specific keys of the upstream (ACI §8.2). */
  readonly identity: JsonObject;
  /** Whose key vouches for answers. */
  readonly signing: UpstreamFacts['signing'];
  /** Facts of this kind of upstream, beside the common ones. */
  readonly extra: JsonObject;
}

/**
 * @param evidence accepted.
 * @param bindings what is enforced on every connection that carries a prompt.
 */
export function sessionOf(
  name: string,
  endpoint: string,
  evidence: VerifiedEvidence,
  bindings: readonly ChannelBinding[],
): UpstreamSession {
  const { node, result, nonce } = evidence;
  const simulated = result.appraisal?.simulated !== false;
  const gpus = attestedGpus(node);
  const collateral = packCollateral(endorsementFiles(evidence.endorsements));
  const document: JsonObject = {
    api_version: 'aci/1',
    upstream_name: name,
    endpoint,
    verifier_id: evidence.verifier,
    established_at: Math.floor(evidence.verifiedAt / 1000),
    expires_at: Math.floor(evidence.expiresAt / 1000),
    identity: evidence.identity,
    channel_binding: bindings.map(({ entry }) => entry),
    claims: { ...claimsOf(evidence, gpus, simulated), tee_attested: teeAttested(bindings, simulated) },
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
    expiresAt: evidence.expiresAt,
    facts: {
      type: simulated ? 'simulated' : teeName(node, gpus),
      simulated,
      measurements: measurementsOf(node),
      signing: evidence.signing,
      nonce,
      verifiedAt: evidence.verifiedAt,
    },
  };
}

/** The session of a service that signs its answers. */
export function signingSession(
  name: string,
  endpoint: string,
  attested: ProxyAttestation,
  bindings: readonly ChannelBinding[],
): UpstreamSession {
  const [node] = attested.result.claims === undefined ? [] : signingNodes(attested.result.claims);
  if (node === undefined) throw new TypeError('expected accepted evidence of a signing node');
  const { algorithm, addresses } = attested;
  const appId = (node as NamedClaims).identity['app-id'];
  const [address = ''] = addresses;
  const shown = `${algorithm === 'ecdsa' ? '0x' : ''}${address}`;
  const evidence: VerifiedEvidence = {
    ...attested,
    node,
    verifier: 'assay signing-proxy/1',
    identity: {
      ...{ signing_address: shown, signing_algo: algorithm, signing_addresses: addresses },
      ...(appId === undefined ? {} : { app_id: appId }),
    },
    signing: { algorithm, address: shown, covers: SIGNED },
    extra: {
      signing_key_in_tee: attested.result.appraisal?.simulated === false,
      asked_model: attested.model,
    },
  };
  return sessionOf(name, endpoint, evidence, bindings);
}

/** The session of an enclave that prompts are sealed to. */
export function enclaveSession(
  name: string,
  endpoint: string,
  attested: EnclaveAttestation,
  bindings: readonly ChannelBinding[],
): UpstreamSession {
  const { claims, appraisal } = attested.result;
  if (claims === undefined) throw new TypeError('expected accepted evidence of an enclave');
  const evidence: VerifiedEvidence = {
    ...attested,
    node: enclaveNode(claims),
    verifier: 'assay enclave/1',
    identity: { tls_spki_sha256: attested.tlsKey, hpke_public_key: attested.hpkeKey },
    signing: { algorithm: 'ehbp-x25519', address: attested.hpkeKey, covers: SEALED },
    extra: { hpke_key_in_tee: appraisal?.simulated === false },
  };
  return sessionOf(name, endpoint, evidence, bindings);
}

function claimsOf({ node, result, extra }: VerifiedEvidence, gpus: readonly NamedClaims[], simulated: boolean): JsonObject {
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
      policy: result.appraisal?.policy ?? 'unnamed',
      tcb_status: status ?? 'none',
      gpu_count: gpus.length,
      gpu_arch: gpus[0]?.identity.architecture ?? null,
      measurements: measurementsOf(node),
      ...extra,
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
