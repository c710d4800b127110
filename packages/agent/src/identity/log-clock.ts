/**
 * Compares the agent's clock with the one that the TEE signs (Nitro: the hypervisor's, in every document) and logs the difference: a receipt of its
 * own after each new keyset. An enclave's clock drifts, and its host can set it only so far; a reader of receipts sees by how much their times are off.
 */

import { randomUUID } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { Ledger } from '@assay/ledger';
import type { IssuedReport } from './identity.ts';

/** What one comparison found, epoch milliseconds. */
export interface ClockComparison {
  readonly agent: number;
  readonly platform: number;
}

/** The two clocks of one report; `null` where the TEE signs no time. */
export function clocksOf({ evidence, issuedAt }: IssuedReport): ClockComparison | null {
  return evidence.platformTime === undefined ? null : { agent: issuedAt, platform: evidence.platformTime };
}

/** Seals the receipt, and gives its id. @throws the ledger's errors. */
export async function logClock({ agent, platform }: ClockComparison, ledger: Pick<Ledger, 'open' | 'seal'>): Promise<string> {
  const drift = agent - platform;
  const document = utf8(canonicalJson({ v: 'assay-clock/1', agent_ms: agent, platform_ms: platform, drift_ms: drift }));
  const draft = ledger.open({
    taskId: randomUUID(),
    task: 'clock',
    method: 'COMPARE',
    endpoint: 'clock',
    requestBody: document,
    nonce: null,
  });
  const hash = draft.payload('clock.json', 'application/json', document);
  draft.append({ type: 'clock.compared', agent_ms: agent, platform_ms: platform, drift_ms: drift });
  draft.append({ type: 'task.completed', result_hash: hash });
  return (await ledger.seal(draft)).receiptId;
}
