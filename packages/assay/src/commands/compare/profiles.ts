/** The serving profiles of attested agents (spec/model-profile.md): what their receipts say they run, and whether two of them must agree bit by bit. */

import { canonicalJson, isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { type Digest, parseBundle } from '@assay/receipt';
import { contentOf } from '../../connection/answer-content.ts';
import { ClientError } from '../../errors.ts';
import type { Agent } from '../../index.ts';

export interface ServedProfile {
  /** `sha256:` and hex, of the weights' file. */
  readonly modelHash: string;
  readonly profileHash: string;
  readonly document: JsonObject;
}

const MAX_BUNDLE = 256 * 1024 * 1024;
/** Receipts of one bundle that agents give out. */
const MOST_IN_BUNDLE = 64;

/** What the receipt of one answer says was run; `null` for an agent without an embedded model. The bundle is verified with the record. */
export async function servedProfile(agent: Agent, receiptId: string, signal: AbortSignal): Promise<ServedProfile | null> {
  const bundle = parseBundle(await bundleOf(agent, [receiptId], signal));
  const receipt = bundle.receipts.find((each) => each.receipt.receipt_id === receiptId);
  const called = receipt?.receipt.event_log.find(({ type }) => type === 'model.called');
  const [modelHash, profileHash] = [called?.model_hash, called?.profile_hash];
  if (typeof modelHash !== 'string' || typeof profileHash !== 'string') return null;
  const payload = bundle.payloads.get(profileHash as Digest);
  if (payload === undefined) return null;
  const document: Json = parseJson(payload);
  return isJsonObject(document) ? { modelHash, profileHash, document } : null;
}

/** Bytes of an agent's bundle of these receipts. */
async function bundleOf(agent: Agent, receiptIds: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
  const answer = await agent.fetch(new URL(`../bundles/${receiptIds.map(encodeURIComponent).join(',')}`, `${agent.baseURL}/`), {
    redirect: 'error',
    signal,
  });
  if (answer.status !== 200)
    throw new ClientError(
      'client/receipt-missing',
      `expected the bundle of receipts from ${agent.baseURL}, got status ${answer.status}; do not rely on the answers`,
    );
  return contentOf(answer, MAX_BUNDLE);
}

/** Engine and settings are the same, so that equal weights give equal bits. */
export function isSameProfile(one: ServedProfile, other: ServedProfile): boolean {
  return comparable(one) === comparable(other);
}

function comparable({ document }: Pick<ServedProfile, 'document'>): string {
  const { engine = null, settings = null } = document;
  return canonicalJson({ engine, settings });
}

/** The agent runs the same engine with the same settings as one whose profile was written here. */
export function matchesEngine(served: ServedProfile, profile: Uint8Array): boolean {
  const document = parseJson(profile);
  return isJsonObject(document) && comparable(served) === comparable({ document });
}

/** An agent's bundles of these receipts, in order; `null` for a party that is no agent. */
export async function bundlesOf(
  agent: Agent | null,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly Json[] | null> {
  if (agent === null) return null;
  const bundles: Json[] = [];
  for (let at = 0; at < ids.length; at += MOST_IN_BUNDLE)
    bundles.push(parseJson(await bundleOf(agent, ids.slice(at, at + MOST_IN_BUNDLE), signal), { maxBytes: MAX_BUNDLE }));
  return bundles;
}
