/**
 * Which weights wrote an answer of a model that the agent ran itself (spec/model-profile.md): the digest that the receipt signs, and the profile
 * behind it. Not checked: that these weights are good ones, and that the engine is the one of its name.
 */

import { type Check, fail, notChecked, pass } from '@assay/attestation';
import { jsonIn } from '@assay/attestation/evidence/reading';
import type { JsonObject } from '@assay/encoding/json';
import type { ReceiptEvent, VerifiedReceipt } from '@assay/receipt';

const ID = 'receipt.model-weights';
const SPEC = 'spec/model-profile.md';
const PROFILE_TYPE = 'assay/model-profile/1';

/** One check for each call of an embedded model, whatever other members its event has; the same weights are named once. */
export function modelWeightsChecks(receipts: readonly VerifiedReceipt[]): readonly Check[] {
  const checks = receipts.flatMap((receipt) =>
    receipt.receipt.event_log
      .filter(({ type, provenance, error }) => type === 'model.called' && provenance === 'embedded' && (error ?? null) === null)
      .map((call) => weightsCheck(call, receipt)),
  );
  return [...new Map(checks.map((check) => [JSON.stringify(check), check])).values()];
}

function weightsCheck(call: ReceiptEvent, { payloads }: VerifiedReceipt): Check {
  const { model, model_hash: weights, profile_hash: named } = call;
  if (typeof model !== 'string' || typeof weights !== 'string' || typeof named !== 'string')
    return fail(ID, SPEC, 'model, model_hash and profile_hash in model.called', 'none');
  // Payloads were held against their digests when the bundle was opened.
  const content = payloads.find(({ hash }) => hash === named)?.content ?? null;
  if (content === null)
    return notChecked(ID, SPEC, `${model}, weights ${weights} by the receipt; the profile is not in the file`);
  const profile = profileIn(content);
  if (profile === null) return fail(ID, SPEC, `a profile of type ${PROFILE_TYPE}`, 'something else');
  const actual = `sha256:${profile.sha256}`;
  if (actual !== weights) return fail(ID, SPEC, weights, actual);
  return pass(ID, SPEC, `${model}: ${profile.file}, ${actual}, run by ${profile.engine}`, weights);
}

interface ProfileNames {
  readonly sha256: string;
  readonly file: string;
  readonly engine: string;
}

function profileIn(content: Uint8Array): ProfileNames | null {
  const document = jsonIn(content);
  if (!isObject(document) || document.type !== PROFILE_TYPE || !isObject(document.model) || !isObject(document.engine))
    return null;
  const { sha256, file } = document.model;
  const { name, version } = document.engine;
  if (![sha256, file, name, version].every((value) => typeof value === 'string')) return null;
  return { sha256: String(sha256), file: String(file), engine: `${String(name)} ${String(version)}` };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
