/** The build in a bundle: what an attested agent compiled, taken out of payloads whose hashes a verified receipt names. */

import type { ContractArtifact, StandardInput } from '@assay/contracts';
import { parseStandardInput } from '@assay/contracts';
import { parseJson } from '@assay/encoding/json';
import type { VerifiedReceipt } from '@assay/receipt';
import { CliError } from '../errors.ts';

export interface AttestedBuild {
  readonly artifacts: readonly ContractArtifact[];
  readonly input: StandardInput;
  readonly compiler: { readonly version: string; readonly hash: string };
  readonly buildHash: string;
  /** The audit of the same input in the bundle; `null` without one. */
  readonly audit: { readonly hash: string; readonly passed: boolean } | null;
  readonly receiptId: string;
}

/** @throws {CliError} `cli/no-build` for a bundle without a build. */
export function attestedBuildIn(receipts: readonly VerifiedReceipt[]): AttestedBuild {
  for (const { receipt, payloads } of receipts) {
    const built = receipt.event_log.find(({ type }) => type === 'contract.built');
    const content = (name: string): Uint8Array | null => payloads.find((each) => each.name === name)?.content ?? null;
    const [contracts, input, manifest] = ['build/contracts.json', 'build/input.json', 'build/manifest.json'].map(content);
    if (built === undefined || !contracts || !input || !manifest) continue;
    const limits = { maxBytes: 256 * 1024 * 1024, maxNodes: 8_000_000 };
    const audited = receipt.event_log.find(({ type }) => type === 'contract.audited');
    return {
      artifacts: Object.values(parseJson(contracts, limits) as unknown as Record<string, ContractArtifact>),
      input: parseStandardInput(input),
      compiler: (parseJson(manifest, limits) as unknown as { compiler: { version: string; hash: string } }).compiler,
      buildHash: String(built.build_hash),
      audit: audited === undefined ? null : { hash: String(audited.audit_hash), passed: audited.passed === true },
      receiptId: receipt.receipt_id,
    };
  }
  throw new CliError(
    'cli/no-build',
    'expected a bundle of assay build or assay audit with its contracts, got none; save one with --save',
  );
}
