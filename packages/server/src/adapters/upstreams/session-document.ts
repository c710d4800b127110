/**
 * The record of one verification of a signing upstream (ACI §8): what was proven, by whom, from which bytes, for how long. A claim
 * that nobody checked reads `unknown`; a simulator's evidence never reads as a TEE's.
 *
 * An empty `channel_binding` says on purpose that the report vouches for the key that signs answers and does not bind the connection. Then
 * `tee_attested`, which is about where the channel ends (§8.3), stays `unknown`; `extra.signing_key_in_tee` says what was proven.
 */

import { createHash } from 'node:crypto';
import { type Claims, endorsementFiles, packCollateral } from '@assay/attestation';
import { attestedGpus, type ProxyAttestation, signingNodes } from '@assay/attestation/services';
import { encodeBase64 } from '@assay/encoding/base64';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { UpstreamFacts, UpstreamSession } from '../../ports/upstream.ts';
import { type ChannelBinding, teeAttested } from './session-binding.ts';

const VERIFIER_ID = 'assay signing-proxy/1';
const UNKNOWN = { status: 'unknown' } as const;
const MEASUREMENTS = /^(mrtd|rtmr[0-3]|mrconfigid|compose-hash|os-image-hash)$/;

/**
 * @param attested accepted evidence.
 * @param bindings what is enforced on every connection that carries a prompt.
 */
export function upstreamSession(
  name: string,
  endpoint: string,
  attested: ProxyAttestation,
  bindings: readonly ChannelBinding[],
): UpstreamSession {
  const [node] = attested.result.claims === null ? [] : signingNodes(attested.result.claims);
  if (node === undefined) throw new TypeError('expected accepted evidence of a signing node');
  const simulated = attested.result.appraisal?.simulated !== false;
  const gpus = attestedGpus(node);
  const [address = ''] = attested.addresses;
  const shown = `${attested.algorithm === 'ecdsa' ? '0x' : ''}${address}`;
  const collateral = packCollateral(endorsementFiles(attested.endorsements));
  const document: JsonObject = {
    api_version: 'aci/1',
    upstream_name: name,
    endpoint,
    verifier_id: VERIFIER_ID,
    established_at: Math.floor(attested.verifiedAt / 1000),
    expires_at: Math.floor(attested.expiresAt / 1000),
    identity: {
      signing_address: shown,
      signing_algo: attested.algorithm,
      signing_addresses: attested.addresses,
      ...(node.identity['app-id'] === undefined ? {} : { app_id: node.identity['app-id'] }),
    },
    channel_binding: bindings.map(({ entry }) => entry),
    claims: { ...claimsOf(attested, node, gpus, simulated), tee_attested: teeAttested(bindings, simulated) },
    evidence: {
      digest: digest(attested.report),
      data: dataUri(attested.report),
      nonce: attested.nonce,
      collateral: { digest: digest(collateral), data: dataUri(collateral) },
    },
  };
  return {
    sessionId: createHash('sha256').update(canonicalJson(document), 'utf8').digest('hex'),
    document,
    expiresAt: attested.expiresAt,
    facts: factsOf(attested, node, gpus, simulated, shown),
  };
}

function claimsOf(attested: ProxyAttestation, node: Claims, gpus: readonly Claims[], simulated: boolean): JsonObject {
  const status = node.tcb?.status ?? 'none';
  return {
    gpu_attested:
      simulated || gpus.length === 0
        ? UNKNOWN
        : {
            status: 'asserted',
            source: 'hardware_proven',
            reason: `${gpus.length} genuine NVIDIA GPUs answered the same nonce; not proven to sit in that machine`,
          },
    tcb_up_to_date: simulated
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
      signing_key_in_tee: !simulated,
      policy: attested.result.appraisal?.policy ?? 'unnamed',
      tcb_status: status,
      gpu_count: gpus.length,
      gpu_arch: gpus[0]?.identity.architecture ?? null,
      asked_model: attested.model,
      measurements: measurementsOf(node),
    },
  };
}

function factsOf(
  attested: ProxyAttestation,
  node: Claims,
  gpus: readonly Claims[],
  simulated: boolean,
  address: string,
): UpstreamFacts {
  const hopper = gpus.length > 0 && gpus.every(({ identity }) => identity.architecture === 'HOPPER');
  return {
    type: simulated ? 'simulated' : hopper ? 'nvidia_h100_tee' : 'intel_tdx',
    simulated,
    measurements: measurementsOf(node),
    signing: { algorithm: attested.algorithm, address },
    nonce: attested.nonce,
    verifiedAt: attested.verifiedAt,
  };
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
