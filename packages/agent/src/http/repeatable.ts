/**
 * Requests that may be sent again (`Idempotency-Key`): within a day the same request under the same key is one task, whichever agent on the
 * store gets it; its answer is given again. Another request under the key is refused. Keys are each API key's own.
 */

import { createHash, randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { ServerError } from '../errors.ts';
import type { TaskRecord } from '../ports/task-store.ts';
import type { AppEnv } from './environment.ts';
import type { ProcessBody } from './request-body.ts';
import type { Services } from './routes/services.ts';

const MOST_LENGTH = 200;
const RETRY_SECONDS = 1;

export type Repeatable =
  /** To be begun under this task id; `release` when it was not. */
  | { readonly kind: 'first'; readonly taskId: string | null; release(): Promise<void> }
  /** Begun before. */
  | { readonly kind: 'again'; readonly record: TaskRecord };

/**
 * Whether a request comes for the first time.
 * @throws {ServerError} `http/bad-parameter`, `http/idempotency-mismatch`, `http/conflict` while the first one is on its way.
 */
export async function repeatableOf(
  c: Context<AppEnv>,
  endpoint: string,
  { bytes, taskId: asked }: ProcessBody,
  { ledger, taskStore, tasks }: Services,
): Promise<Repeatable> {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return { kind: 'first', taskId: asked, release: async () => undefined };
  if (key === '' || key.length > MOST_LENGTH)
    throw new ServerError(
      'http/bad-parameter',
      `idempotency-key: expected 1 to ${MOST_LENGTH} characters, got ${key.length}; send a random one for each request`,
    );
  const access = c.get('access');
  const taskId = asked ?? randomUUID();
  const digest = createHash('sha256').update(`${endpoint}\n`).update(bytes).digest('hex');
  for (;;) {
    const claimed = await ledger.coordination.claim({ access, key, digest, taskId });
    if (claimed.kind === 'mismatch')
      throw new ServerError(
        'http/idempotency-mismatch',
        'expected the request that came first under this Idempotency-Key, got another; take a new key',
      );
    if (claimed.kind === 'first')
      return { kind: 'first', taskId, release: () => ledger.coordination.release({ access, key, taskId }) };
    const record = tasks.find(claimed.taskId, access)?.record() ?? (await taskStore.find(claimed.taskId, access));
    if (record !== null && record.status !== 'interrupted') return { kind: 'again', record };
    if (record === null)
      throw new ServerError(
        'http/conflict',
        'the first request under this Idempotency-Key is on its way; send it again in a moment',
        {
          details: { retryAfterSeconds: RETRY_SECONDS },
        },
      );
    // Its agent died with it, and nothing of it was acknowledged: it is begun again.
    await ledger.coordination.release({ access, key, taskId: claimed.taskId });
  }
}
