/** What an audit keeps of the build that it is about, as text. Pure; made while Slither runs. */

import { buildHash, contractArtifacts, manifestText, type Sha256 } from '@assay/contracts';
import { canonicalJson } from '@assay/encoding/json';
import type { Compilation } from '../compile-project.ts';
import type { ContractProject } from '../contract-project.ts';

export interface BuildTexts {
  readonly buildHash: Sha256;
  readonly manifest: string;
  /** The compiler's standard JSON input. */
  readonly input: string;
  readonly contracts: string;
}

/**
 * Each in its JCS form.
 * @example buildTexts(project, compilation).input
 */
export function buildTexts(
  { input }: ContractProject,
  { manifest, output }: Compilation & { readonly kind: 'compiled' },
): BuildTexts {
  const { language, settings } = input;
  const sources = Object.fromEntries(Object.entries(input.sources).map(([name, content]) => [name, { content }]));
  return {
    buildHash: buildHash(manifest),
    manifest: manifestText(manifest),
    input: canonicalJson({ language, sources, settings }),
    contracts: canonicalJson(contractArtifacts(output)),
  };
}
