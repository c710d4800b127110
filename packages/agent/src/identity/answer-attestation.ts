/**
 * The `attestation` member of an answer, in the shape the seed shows, with a type that is true: what the agent's own TEE is. It
 * holds a fresh report for the nonce; the receipt, signed by a key of the report's keyset, covers it together with the answer.
 */

import { randomBytes } from 'node:crypto';
import type { Clock } from '@assay/ledger';
import type { UpstreamSession } from '../ports/upstream.ts';
import type { Inference } from '../tasks/task.ts';
import type { Attest } from '../tasks/task-attestation.ts';
import { factsOf } from './evidence-facts.ts';
import type { Identity } from './identity.ts';

/** Makes the function that tasks call for `include_attestation`. Without a client's nonce it takes a random one. */
export function answerAttestation(identity: Identity, clock: Clock): Attest {
  return async (inference, given) => {
    const nonce = given ?? randomBytes(32).toString('hex');
    const { document, evidence, issuedAt, keysetDigest } = await identity.report(nonce);
    const { type, measurements, signature } = factsOf(evidence, identity.attester.simulated);
    const upstream = inference?.session ?? null;
    const own = { type, simulated: identity.attester.simulated, measurements, signature };
    const member = {
      ...(upstream === null ? own : modelTee(upstream)),
      agent: own,
      timestamp: new Date(issuedAt).toISOString(),
      nonce,
      inference: inference === null ? null : inferenceMember(inference),
      verification: {
        nonce,
        nonce_source: given === null ? ('agent' as const) : ('client' as const),
        fetched_at: new Date(clock.now()).toISOString(),
        inference_timestamp: inference?.timestamp ?? null,
        ...(upstream === null ? {} : upstreamMembers(upstream)),
      },
      report: document,
    };
    return { keysetDigest, member };
  };
}

function inferenceMember({ model, promptHash, responseHash, timestamp, usage }: Inference) {
  return { model, prompt_hash: promptHash, response_hash: responseHash, timestamp, usage: { ...usage } };
}

function upstreamMembers({ sessionId, facts }: UpstreamSession) {
  return {
    session_id: sessionId,
    upstream_nonce: facts.nonce,
    upstream_verified_at: new Date(facts.verifiedAt).toISOString(),
  };
}

/** The TEE in which the model ran, as the seed shows it: verified before the prompt left, its answer signed or sealed by the key named here. */
function modelTee({ facts }: UpstreamSession) {
  const { type, simulated, measurements, signing } = facts;
  return {
    type,
    simulated,
    measurements,
    signature: {
      algorithm: signing.algorithm,
      value: signing.address,
      covers: signing.covers,
    },
  };
}
