/**
 * Judges the proof of one answer (spec/proof.md): an answer with an agent's receipt, or one that a service signed inside its TEE.
 * Hardware is judged as of the time the proof states, which is the word of whoever kept it.
 */

import { type Check, fail, formatInstant, notChecked, pass } from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import { type AnswerProof, isAnswerProof, parseAnswerProof, verifyAnswerProof } from '@assay/upstream';
import { judgeReceipt } from './report.ts';
import type { JudgeRequest } from './request.ts';
import { concluded, evidenceVerdict, failedVerdict, type Verdict } from './verdict.ts';

const SPEC = 'spec/proof.md §2';

/** True for JSON that says it is a proof. */
export function isProof(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && 'format' in json && json.format === 'assay-proof/1';
}

/** @example const verdict = await judgeProof(parseJson(text), { now: Date.now(), policy: STRICT_POLICY }); */
export async function judgeProof(json: JsonObject, request: JudgeRequest): Promise<Verdict> {
  if (!isAnswerProof(json) && 'receipt' in json) return judgeReceiptProof(json, request);
  try {
    return await judgeSignature(parseAnswerProof(json), request);
  } catch (error) {
    return failedVerdict('proof', error, request.now);
  }
}

function judgeReceiptProof({ nonce, receipt, report }: JsonObject, request: JudgeRequest): Promise<Verdict> {
  const { expected, endorsements = [] } = request;
  const asked = expected?.nonce ?? (typeof nonce === 'string' ? nonce : undefined);
  return judgeReceipt(receipt ?? null, {
    ...request,
    ...(asked === undefined ? {} : { expected: { ...expected, nonce: asked } }),
    endorsements: [{ kind: 'json', name: 'report', json: canonicalJson(report ?? null) }, ...endorsements],
  });
}

async function judgeSignature(proof: AnswerProof, request: JudgeRequest): Promise<Verdict> {
  const { now, policy, endorsements = [], additionalAnchors = [] } = request;
  const { signature, result } = await verifyAnswerProof(proof, {
    ...{ now, endorsements, additionalAnchors },
    ...(policy === undefined ? {} : { policy }),
  });
  const verdict = evidenceVerdict(result, proof.time);
  if (result.claims === undefined) return { ...verdict, type: 'proof' };
  const address = encodeHex(signature.address);
  const kept = proof.request.bytes !== null && proof.response.bytes !== null;
  const checks: readonly Check[] = [
    pass('proof.signature', SPEC, `${signature.algorithm} ${address}`, 'an address that the report binds'),
    pass('proof.request', SPEC, proof.request.hash),
    pass('proof.response', SPEC, proof.response.hash),
    kept
      ? pass('proof.bytes', SPEC, 'the bytes in the proof have these hashes')
      : notChecked('proof.bytes', SPEC, 'the proof carries hashes only; compare them with the bytes you hold'),
    nonceCheck(proof, request),
    freshnessCheck(proof, request),
    ...verdict.checks,
  ];
  return concluded({
    ...verdict,
    type: 'proof',
    subject: `answer signed by ${verdict.subject}`,
    claims: {
      service: proof.service,
      model: proof.model,
      time: formatInstant(proof.time),
      signer: { address, algorithm: signature.algorithm, stated_model: signature.model },
      request_hash: `sha256:${proof.request.hash}`,
      response_hash: `sha256:${proof.response.hash}`,
      evidence: { ...result.claims },
    },
    checks,
    limits: [
      'When it happened: the time is the word of whoever kept this proof.',
      'Which model ran, and what it was made of: nobody signed its name in the report.',
      'That nobody read along: the report vouches for the key that signs answers, not for the connection.',
      ...verdict.limits,
    ],
    at: formatInstant(now),
  });
}

function nonceCheck({ nonce }: AnswerProof, { expected }: JudgeRequest): Check {
  const wanted = expected?.nonce;
  if (wanted === undefined) return notChecked('proof.nonce', SPEC, `the report answers ${nonce}, made by the keeper`);
  return wanted === nonce ? pass('proof.nonce', SPEC, nonce, wanted) : fail('proof.nonce', SPEC, wanted, nonce);
}

function freshnessCheck({ time }: AnswerProof, { now, policy }: JudgeRequest): Check {
  const id = 'proof.freshness';
  const actual = `checked ${formatInstant(time)}`;
  const rule = policy?.freshness;
  if (rule === undefined) return notChecked(id, SPEC, `no maximum age given; ${actual}`);
  const wanted = `at most ${rule.maxAgeSeconds} s old`;
  return now - time <= rule.maxAgeSeconds * 1000 ? pass(id, SPEC, actual, wanted) : fail(id, SPEC, wanted, actual);
}
