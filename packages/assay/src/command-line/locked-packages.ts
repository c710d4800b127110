/** The npm packages that sources of a project came from, with the integrity that its lock file gives (package-lock.json, versions 2 and 3). */

import type { SourcePackage } from '@assay/contracts';
import { isJsonObject, parseLooseJson } from '@assay/encoding/json';

const MOST_PACKAGES = 256;

/**
 * The packages that `names` of sources begin with, sorted; none without a lock file that can be read.
 * @example packagesOf(['@openzeppelin/contracts/token/ERC20/ERC20.sol'], lock)[0]?.version // '5.0.2'
 */
export function packagesOf(names: readonly string[], lock: string | null): readonly SourcePackage[] {
  const locked = lock === null ? null : lockedIn(lock);
  if (locked === null) return [];
  const wanted = [...new Set(names.map(packageName))].sort();
  return wanted
    .flatMap((name) => {
      const entry = Object.hasOwn(locked, `node_modules/${name}`) ? locked[`node_modules/${name}`] : undefined;
      const { version, integrity } = (entry ?? {}) as { readonly version?: unknown; readonly integrity?: unknown };
      const known =
        typeof version === 'string' && typeof integrity === 'string' && /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity);
      return known ? [{ name, version, integrity }] : [];
    })
    .slice(0, MOST_PACKAGES);
}

function lockedIn(lock: string): Readonly<Record<string, unknown>> | null {
  try {
    const value = parseLooseJson(lock);
    const packages = (value as { readonly packages?: unknown } | null)?.packages;
    return isJsonObject(packages) ? packages : null;
  } catch {
    return null;
  }
}

/** `@scope/name` or `name` of a source's name, also below `node_modules/`. */
function packageName(source: string): string {
  const [first = '', second = ''] = source.split('node_modules/').at(-1)?.split('/') ?? [];
  return first.startsWith('@') ? `${first}/${second}` : first;
}
