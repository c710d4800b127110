/** Logs the profile of a model under the keyset: a receipt of its own, sealed before the model answers anything. */

import { randomUUID } from 'node:crypto';
import type { Ledger } from '@assay/ledger';
import type { Profile } from './profile.ts';

/** Seals a receipt over the profile, and gives its id. @throws the ledger's errors. */
export async function logProfile(
  { name, bytes, modelSha256 }: Profile,
  ledger: Pick<Ledger, 'open' | 'seal'>,
): Promise<string> {
  const draft = ledger.open({
    taskId: randomUUID(),
    task: 'model_profile',
    method: 'LOAD',
    endpoint: 'model',
    requestBody: bytes,
    nonce: null,
    model: name,
  });
  const profile = draft.payload('model-profile.json', 'application/json', bytes);
  draft.append({ type: 'model.loaded', model: name, model_hash: `sha256:${modelSha256}`, profile_hash: profile });
  draft.append({ type: 'task.completed', result_hash: profile });
  const { receiptId } = await ledger.seal(draft);
  return receiptId;
}
