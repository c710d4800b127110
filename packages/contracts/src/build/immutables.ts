/**
 * Immutable variables of a contract: the compiler names their places in the code by a number of the syntax tree; name and type come
 * from the tree itself.
 */

import type { CodeRange, CompiledCode, CompilerOutput } from './compiler-output.ts';

export interface Immutable {
  readonly name: string;
  /** As the source writes it, e.g. `uint256`; empty when the tree does not say. */
  readonly type: string;
  /** Contract in which it is declared, `source:name`. */
  readonly declaredIn: string;
  /** Every copy of its value in the runtime code. */
  readonly places: readonly CodeRange[];
}

/** The immutables of one contract, in the order of their first place. */
export function immutablesOf(runtime: CompiledCode, output: CompilerOutput): readonly Immutable[] {
  const references = Object.entries(runtime.immutableReferences);
  if (references.length === 0) return [];
  const declared = declarations(output);
  return references
    .map(([id, places]) => {
      const known = declared.get(Number(id));
      return { name: known?.name ?? `immutable-${id}`, type: known?.type ?? '', declaredIn: known?.declaredIn ?? '', places };
    })
    .sort((a, b) => (a.places[0]?.start ?? 0) - (b.places[0]?.start ?? 0));
}

type Declaration = Omit<Immutable, 'places'>;

function declarations({ sources }: CompilerOutput): ReadonlyMap<number, Declaration> {
  const found = new Map<number, Declaration>();
  for (const [source, { ast }] of Object.entries(sources)) {
    for (const contract of nodes(ast?.nodes)) {
      if (contract.nodeType !== 'ContractDefinition') continue;
      for (const variable of nodes(contract.nodes)) {
        if (variable.nodeType !== 'VariableDeclaration' || typeof variable.id !== 'number') continue;
        const { typeString } = (variable.typeDescriptions ?? {}) as { typeString?: unknown };
        found.set(variable.id, {
          name: String(variable.name ?? ''),
          type: typeof typeString === 'string' ? typeString : '',
          declaredIn: `${source}:${String(contract.name ?? '')}`,
        });
      }
    }
  }
  return found;
}

function nodes(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : [];
}
