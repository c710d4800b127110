/** The receipt's event for a build (spec/receipt.md §3), and the signed provenance that it names (spec/contract-build.md §5). */

import { buildHash, provenanceText, type SourcePackage } from '@assay/contracts';
import { canonicalJson } from '@assay/encoding/json';
import type { Compilation } from './compile-project.ts';
import { type KeptFile, keepFile } from './kept-file.ts';
import type { TaskContext } from './task.ts';

/** Gives the file with the provenance. `packages`: where sources came from, as the client says. */
export async function recordBuild(
  context: TaskContext,
  { release, manifest }: Compilation & { readonly kind: 'compiled' },
  packages: readonly SourcePackage[],
): Promise<KeptFile> {
  const { draft, ports } = context;
  const { receiptId } = draft;
  const envelope = await ports.signProvenance((keysetDigest) =>
    provenanceText({ manifest, compiler: release, packages, keysetDigest, receiptId }),
  );
  const file = keepFile(
    context,
    '/build/provenance.dsse.json',
    'application/vnd.dsse.envelope.v1+json',
    canonicalJson(envelope),
  );
  draft.append({
    type: 'contract.built',
    build_hash: buildHash(manifest),
    input_hash: manifest.input_hash,
    settings_hash: manifest.settings_hash,
    compiler: release.longVersion,
    compiler_hash: `sha256:${release.sha256}`,
    compiler_integrity: release.integrity,
    contracts: manifest.contracts.length,
    provenance_hash: file.hash,
  });
  return file;
}
