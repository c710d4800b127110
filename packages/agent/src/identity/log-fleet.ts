/** Logs which keysets are alive on a shared store: a receipt of its own, sealed when an agent starts and when its keyset is replaced (spec/receipt.md §2). */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { FleetMember, Ledger } from '@assay/ledger';

/** Seals a receipt over the manifest of the fleet, without addresses, and gives its id. @throws the ledger's errors. */
export async function logFleet(members: readonly FleetMember[], ledger: Pick<Ledger, 'open' | 'seal'>): Promise<string> {
  const agents = members.map(({ member, keysets }) => ({
    agent: member,
    keysets: keysets.map(({ digest, notAfter }) => ({ digest, not_after: notAfter })),
  }));
  const manifest = utf8(canonicalJson({ v: 'assay-fleet/1', agents }));
  const draft = ledger.open({
    taskId: randomUUID(),
    task: 'fleet',
    method: 'LIST',
    endpoint: 'fleet',
    requestBody: manifest,
    nonce: null,
  });
  const hash = draft.payload('fleet.json', 'application/json', manifest);
  draft.append({ type: 'fleet.listed', agents: agents.length, fleet_hash: hash });
  draft.append({ type: 'task.completed', result_hash: hash });
  return (await ledger.seal(draft)).receiptId;
}
