/** The receipt's event for a build (spec/receipt.md §3). */

import { buildHash } from '@assay/contracts';
import type { ReceiptDraft } from '@assay/ledger';
import type { Compilation } from './compile-project.ts';

export function recordBuild(draft: ReceiptDraft, { release, manifest }: Compilation & { readonly kind: 'compiled' }): void {
  draft.append({
    type: 'contract.built',
    build_hash: buildHash(manifest),
    input_hash: manifest.input_hash,
    settings_hash: manifest.settings_hash,
    compiler: release.longVersion,
    compiler_hash: `sha256:${release.sha256}`,
    compiler_integrity: release.integrity,
    contracts: manifest.contracts.length,
  });
}
