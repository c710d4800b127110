/** The receipts of what owners changed, found in the pages of an agent's list. A page is held to its shape, and leads to older receipts or ends. */

import { z } from 'zod';
import type { AgentApi } from './agent-api.ts';
import { CliError } from './errors.ts';

const TASKS: readonly string[] = ['variable_change', 'operator_change'];
const PAGE = 100;
/** Receipts of one bundle. */
const MOST = 64;

const pageSchema = z.object({
  receipts: z
    .array(
      z.object({
        receipt_id: z.string().regex(/^rcpt_[0-9a-f]{32}$/, 'expected the id of a receipt'),
        task: z.string(),
        state: z.string(),
        outcome: z.string(),
      }),
    )
    .max(PAGE),
  next: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullable(),
});

/**
 * Ids of the receipts of changes, oldest first. Refusals are left out: they changed nothing, and strangers can cause them.
 * @throws {CliError} `cli/agent-failed` for a page of another shape or one that does not go back, and for more changes than a bundle has;
 * those of {@link AgentApi}.
 * @example const ids = await changeReceipts(agentApi(agent));
 */
export async function changeReceipts(api: Pick<AgentApi, 'get' | 'url'>): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let before: number | null = null; ; ) {
    const { receipts, next }: z.output<typeof pageSchema> = await pageOf(api, before);
    const changed = receipts.filter(
      ({ task, state, outcome }) => TASKS.includes(task) && state === 'sealed' && outcome !== 'failed',
    );
    ids.push(...changed.map(({ receipt_id: id }) => id));
    if (ids.length > MOST)
      throw new CliError(
        'cli/agent-failed',
        `expected at most ${MOST} changes in one bundle, got ${ids.length} and perhaps more; fetch them with assay bundle`,
      );
    if (next === null) return ids.reverse();
    before = next;
  }
}

async function pageOf(
  { get, url }: Pick<AgentApi, 'get' | 'url'>,
  before: number | null,
): Promise<z.output<typeof pageSchema>> {
  const checked = pageSchema.safeParse(await get(`api/receipts?limit=${PAGE}${before === null ? '' : `&before=${before}`}`));
  const failed = (why: string): CliError =>
    new CliError('cli/agent-failed', `${url} answers at api/receipts with ${why}; look at the log of the agent`);
  if (!checked.success)
    throw failed(
      `another list than expected, at ${z.core.toDotPath(checked.error.issues[0]?.path ?? []).slice(0, 80) || 'the whole'}`,
    );
  const { next } = checked.data;
  if (before !== null && next !== null && next >= before) throw failed(`a page that does not go back, ${next} after ${before}`);
  return checked.data;
}
