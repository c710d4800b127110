/** Remappings, `[context:]prefix=target`, as solc applies them to import paths (Solidity, "Import remapping"). */

import { ContractsError } from '../errors.ts';

export interface Remapping {
  readonly context: string;
  readonly prefix: string;
  readonly target: string;
}

const MAX_REMAPPINGS = 512;

/**
 * Reads remappings; empty lines and lines with `#` are skipped, as Foundry's `remappings.txt` has them.
 * @throws {ContractsError} `project/malformed`, `project/too-large`.
 * @example parseRemappings(['@openzeppelin/=lib/openzeppelin-contracts/'])
 */
export function parseRemappings(lines: readonly string[]): readonly Remapping[] {
  const written = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (written.length > MAX_REMAPPINGS)
    throw new ContractsError(
      'project/too-large',
      `expected at most ${MAX_REMAPPINGS} remappings, got ${written.length}; send fewer`,
    );
  return written.map((line) => {
    const [, context = '', prefix = '', target = ''] = /^(?:([^:=]*):)?([^=:][^=]*)=(.*)$/.exec(line) ?? [];
    if (prefix === '')
      throw new ContractsError(
        'project/malformed',
        `expected a remapping like @lib/=node_modules/@lib/, got ${JSON.stringify(line.slice(0, 120))}; write prefix=target`,
      );
    return { context, prefix, target };
  });
}

/**
 * The text of a remapping, as the compiler takes it.
 * @example remappingText({ context: '', prefix: '@lib/', target: 'lib/' }) // '@lib/=lib/'
 */
export function remappingText({ context, prefix, target }: Remapping): string {
  return `${context === '' ? '' : `${context}:`}${prefix}=${target}`;
}

/**
 * The import path after remapping: the longest context wins, then the longest prefix, then the later one. Applied once, never to its own
 * result, so that remappings cannot loop.
 * @example remap('src/A.sol', '@lib/B.sol', [{ context: '', prefix: '@lib/', target: 'lib/' }]) // 'lib/B.sol'
 */
export function remap(importer: string, path: string, remappings: readonly Remapping[]): string {
  let best: Remapping | null = null;
  for (const each of remappings) {
    if (!importer.startsWith(each.context) || !path.startsWith(each.prefix)) continue;
    const longer =
      best === null ||
      each.context.length > best.context.length ||
      (each.context.length === best.context.length && each.prefix.length >= best.prefix.length);
    if (longer) best = each;
  }
  return best === null ? path : `${best.target}${path.slice(best.prefix.length)}`;
}
