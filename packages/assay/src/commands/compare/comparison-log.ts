/** The log of a comparison: the plan before the first query, the record after the last, in a log of its own next to the result. */

import type { Notary } from '@assay/agent';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, parseJson } from '@assay/encoding/json';
import { type ComparisonRecord, type PlanDocument, planDigest, recordDigest } from '@assay/models';

const TASK = 'model_comparison';

/** Seals the plan; when this resolves, it is in the log. */
export function logPlan(notary: Notary, plan: PlanDocument): Promise<string> {
  const event = { type: 'comparison.planned', plan_hash: planDigest(plan), key_hash: plan.key_hash, tier: plan.tier };
  return notary.seal({ task: TASK, events: [event], document: { name: 'plan.json', bytes: jcs(plan) } });
}

/** Seals the record, and gives the bundle of both receipts. */
export async function logRecord(notary: Notary, record: ComparisonRecord, planned: string): Promise<Json> {
  const { plan, key, queries, outcome } = record;
  const event = {
    ...{ type: 'models.compared', plan_hash: planDigest(plan), record_hash: recordDigest(record) },
    ...{ verdict: outcome.verdict, queries: outcome.queries, cites: planned },
  };
  const document = { name: 'outcome.json', bytes: jcs({ plan, key, queries: queries.length, outcome }) };
  const ended = await notary.seal({ task: TASK, events: [event], document });
  return parseJson(await notary.bundle([planned, ended]), { maxDepth: 64 });
}

function jcs(value: object): Uint8Array {
  return utf8(canonicalJson(value));
}
