/** Every known claim name. Issuers quote each other (Intel and Trustee carry NVIDIA's claims), so all names count in every token. */

import { AZURE_CLAIMS } from './azure.ts';
import { EAR_CLAIMS } from './ear.ts';
import { EAT_CLAIMS } from './eat.ts';
import { GOOGLE_CLAIMS } from './google.ts';
import { INTEL_CLAIMS } from './intel.ts';
import type { Meaning } from './meaning.ts';
import { NVIDIA_CLAIMS } from './nvidia.ts';

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  [EAT_CLAIMS, NVIDIA_CLAIMS, INTEL_CLAIMS, AZURE_CLAIMS, GOOGLE_CLAIMS, EAR_CLAIMS].flatMap((table) => Object.entries(table)),
);

/**
 * The meaning of the claim `name` under `parent`, if it is known.
 * @example meaningOf('env', 'container')?.kind; // 'carried'
 */
export function meaningOf(name: string, parent: string | undefined): Meaning | undefined {
  const lower = name.toLowerCase();
  return MEANINGS.get(`${parent?.toLowerCase() ?? ''}>${lower}`) ?? MEANINGS.get(lower);
}
