/**
 * Verifies the proof of one answer (spec/proof.md): an answer with an agent's receipt, or one that a service signed inside its TEE.
 * Hardware is appraised as of the time the proof states, as claimed by the party that kept it.
 */

import { type Check, fail, formatInstant, notChecked, pass } from '@assay/attestation';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { type AnswerProof, isAnswerProof, parseAnswerProof, verifyAnswerProof } from '@assay/upstream';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { isProof } from './proof-file.ts';
import { receiptVerdict } from './receipt.ts';
import { concluded, evidenceVerdict, failedVerdict, type ProofVerdict, type ReceiptVerdict } from './verdict.ts';

const SPEC = 'spec/proof.md §2';

/**
 * The verdict on the proof of an answer; of an answer with an agent's receipt, the verdict on that receipt.
 * @example const verdict = await verifyProof(proof.encode(), { policy: 'strict' });
 */
export async function verifyProof(bytes: Uint8Array, options: VerifyOptions = {}): Promise<ProofVerdict | ReceiptVerdict> {
  const resolved = resolveOptions(options);
  try {
    return await proofVerdict(parseJson(bytes), resolved);
  } catch (error) {
    return failedVerdict('proof', error, resolved.now);
  }
}

/** {@link verifyProof} for a proof that was parsed already. */
export async function proofVerdict(json: Json, options: ResolvedOptions): Promise<ProofVerdict | ReceiptVerdict> {
  if (isProof(json) && !isAnswerProof(json) && 'receipt' in json) return receiptProofVerdict(json, options);
  try {
    return await signedAnswerVerdict(parseAnswerProof(json), options);
  } catch (error) {
    return failedVerdict('proof', error, options.now);
  }
}

function receiptProofVerdict({ nonce, receipt, report }: JsonObject, options: ResolvedOptions): Promise<ReceiptVerdict> {
  const { expected, endorsements } = options;
  const asked = expected.nonce ?? (typeof nonce === 'string' ? nonce : undefined);
  return receiptVerdict(receipt ?? null, {
    ...options,
    expected: asked === undefined ? expected : { ...expected, nonce: asked },
    endorsements: [{ kind: 'json', name: 'report', json: canonicalJson(report ?? null) }, ...endorsements],
  });
}

async function signedAnswerVerdict(proof: AnswerProof, options: ResolvedOptions): Promise<ProofVerdict> {
  const { now, policy, endorsements, trust } = options;
  const { signature, result, proved } = await verifyAnswerProof(proof, {
    ...{ now, policy, endorsements },
    trust: { roots: trust.anchors },
  });
  if (proved === null) return failedVerdict('proof', result.error, proof.time);
  const evidence = evidenceVerdict(result, proof.time);
  const address = proved.signer;
  const kept = proved.request.from === 'bytes' && proved.response.from === 'bytes';
  const checks: readonly Check[] = [
    pass('proof.signature', SPEC, `${signature.algorithm} ${address}`, 'an address that the report binds'),
    pass('proof.request', SPEC, proved.request.hash),
    pass('proof.response', SPEC, proved.response.hash),
    kept
      ? pass('proof.bytes', SPEC, 'the bytes in the proof have these hashes')
      : notChecked('proof.bytes', SPEC, 'the proof carries hashes only; compare them with the bytes you hold'),
    nonceCheck(proof, options),
    freshnessCheck(proof, options),
    ...evidence.checks,
  ];
  return concluded({
    ...{ type: 'proof', checks, claims: result.claims, tcb: result.tcb, at: formatInstant(now) },
    ...{ service: proof.service, model: proof.model, time: proof.time },
    signer: { address, algorithm: signature.algorithm, statedModel: signature.model },
    ...{ requestHash: proof.request.hash, responseHash: proof.response.hash },
    subject: `answer signed by ${evidence.subject}`,
    limits: [
      'When it happened: the time is a claim of the party that kept this proof.',
      'Which model ran, and what it was made of: its name is not signed in the report.',
      'That no third party read along: the report vouches for the key that signs answers, not for the connection.',
      ...evidence.limits,
    ],
    ...{ warnings: evidence.warnings, simulated: evidence.simulated, policy: evidence.policy },
  });
}

function nonceCheck({ nonce }: AnswerProof, { expected }: ResolvedOptions): Check {
  const wanted = expected.nonce;
  if (wanted === undefined) return notChecked('proof.nonce', SPEC, `the report answers ${nonce}, made by the keeper`);
  return wanted === nonce ? pass('proof.nonce', SPEC, nonce, wanted) : fail('proof.nonce', SPEC, wanted, nonce);
}

function freshnessCheck({ time }: AnswerProof, { now, policy }: ResolvedOptions): Check {
  const id = 'proof.freshness';
  const actual = `checked ${formatInstant(time)}`;
  const rule = policy.freshness;
  if (rule === undefined) return notChecked(id, SPEC, `no maximum age given; ${actual}`);
  const wanted = `at most ${rule.maxAgeSeconds} s old`;
  return now - time <= rule.maxAgeSeconds * 1000 ? pass(id, SPEC, actual, wanted) : fail(id, SPEC, wanted, actual);
}
