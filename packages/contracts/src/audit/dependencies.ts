/** Which sources are dependencies: those whose names begin as the request says, but never what the compilation set out from. */

import type { Json, JsonObject } from '@assay/encoding/json';
import type { CompilerOutput } from '../build/compiler-output.ts';

/** Beginnings of names that mean a dependency unless a request says otherwise. */
export const DEPENDENCY_PREFIXES: readonly string[] = ['lib/', 'node_modules/', '@'];

/**
 * The names of the dependencies. An entry, which no other source imports, is none whatever its name is; neither is a source that no entry
 * leads to, such as one of two that import each other. Imports are read from the compiler's syntax trees.
 * @example dependencySources(output, ['lib/']) // Set { 'lib/solady/src/auth/Ownable.sol' }
 */
export function dependencySources({ sources }: CompilerOutput, prefixes: readonly string[]): ReadonlySet<string> {
  const names = Object.keys(sources);
  const imports = new Map(names.map((name) => [name, importsOf(sources[name]?.ast ?? null).filter((each) => each !== name)]));
  const imported = new Set([...imports.values()].flat());
  const entries = names.filter((name) => !imported.has(name));
  const reached = new Set<string>();
  for (const left = entries.flatMap((name) => imports.get(name) ?? []); left.length > 0; ) {
    const name = left.pop() as string;
    if (reached.has(name)) continue;
    reached.add(name);
    left.push(...(imports.get(name) ?? []));
  }
  return new Set(names.filter((name) => reached.has(name) && prefixes.some((prefix) => name.startsWith(prefix))));
}

function importsOf(ast: JsonObject | null): readonly string[] {
  const nodes: Json | undefined = ast?.nodes;
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node) => {
    const { nodeType, absolutePath } = (node ?? {}) as JsonObject;
    return nodeType === 'ImportDirective' && typeof absolutePath === 'string' ? [absolutePath] : [];
  });
}
