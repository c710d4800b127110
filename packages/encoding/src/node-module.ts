/** Modules of Node without importing them by name, so that one build serves browsers too. */

/** What is asked for the module: the running platform, or another in tests. */
export interface ModuleHost {
  readonly process?: {
    readonly versions?: { readonly node?: string; readonly deno?: string; readonly bun?: string };
    readonly getBuiltinModule?: (name: string) => unknown;
  };
}

/**
 * The built-in module `name` where Node itself runs this, else `null`: other runtimes lend its name to code of their own.
 * @example nodeModule('node:crypto')
 */
export function nodeModule(name: string, host: ModuleHost = globalThis as ModuleHost): unknown {
  const { versions = {}, getBuiltinModule } = host.process ?? {};
  if (!versions.node || versions.deno || versions.bun) return null;
  return getBuiltinModule?.(name) ?? null;
}
