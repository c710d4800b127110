/** Logs changes of API keys: a receipt each, which names the new generation and nothing of the keys. */

import { randomUUID } from 'node:crypto';
import { digestBytes } from '@assay/receipt';
import type { Ledger } from '../port.ts';
import type { LogKeys } from './key-book.ts';

export function logKeysIn(ledger: Pick<Ledger, 'discard' | 'open' | 'seal'>): LogKeys {
  return async (event, changes) => {
    const draft = ledger.open({
      taskId: randomUUID(),
      task: 'api_keys',
      method: 'CHANGE',
      endpoint: 'keys',
      requestBody: new Uint8Array(),
      nonce: null,
    });
    draft.append(event);
    draft.append({ type: 'task.completed', result_hash: digestBytes(new Uint8Array()) });
    try {
      await ledger.seal(draft, { changes });
    } catch (cause) {
      await ledger.discard(draft).catch(() => undefined);
      throw cause;
    }
  };
}
