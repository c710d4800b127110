/** Ids of many checks in one short phrase: parts that share a check are counted, and a long list ends in a number. */

/** Names in one phrase. */
const MOST_NAMES = 5;

/**
 * @param ids ids of checks; those of parts have the path of the part in front.
 * @example nameChecks(['gpu-0/nvidia.mode', 'gpu-1/nvidia.mode', 'policy.debug']) // 'nvidia.mode of 2 parts, policy.debug'
 */
export function nameChecks(ids: readonly string[]): string {
  const byName = new Map<string, Set<string>>();
  for (const id of ids) {
    const name = checkName(id);
    const known = byName.get(name) ?? new Set();
    byName.set(name, known.add(id));
  }
  const named = [...byName].map(([name, found]) => {
    const [only = name] = found;
    return found.size === 1 ? only : `${name} of ${found.size} parts`;
  });
  const more = named.length - MOST_NAMES;
  return more > 0 ? `${named.slice(0, MOST_NAMES).join(', ')} and ${more} more` : named.join(', ');
}

/**
 * The id of a check without the path of its part: `gpu-0/nvidia.mode` → `nvidia.mode`.
 * @example checkName('gpu-0/nvidia.mode') // 'nvidia.mode'
 */
export function checkName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
