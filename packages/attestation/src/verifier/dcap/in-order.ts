/** Independent checks made at the same time, with the error of the first one in the list that fails: the same defects, the same error. */

/**
 * What all of `checks` give.
 * @throws the fault of the first in the list that has one, after all have ended.
 */
export async function inOrder<Values extends readonly unknown[]>(
  checks: readonly [...{ readonly [Index in keyof Values]: Promise<Values[Index]> }],
): Promise<Values> {
  const settled = await Promise.allSettled(checks);
  for (const check of settled) if (check.status === 'rejected') throw check.reason;
  return settled.map((check) => (check as PromiseFulfilledResult<unknown>).value) as unknown as Values;
}
