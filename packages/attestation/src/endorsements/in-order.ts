/** Several downloads at the same time. What is said of them does not depend on which was slower. */

/**
 * The values of all; when some failed, throws what the first of them in the given order threw.
 *
 * @example await inOrder([download(crl, source), download(chain, source)]);
 */
export async function inOrder<Value>(pending: readonly Promise<Value>[]): Promise<readonly Value[]> {
  const settled = await Promise.allSettled(pending);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}
