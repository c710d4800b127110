/** The build in a bundle: what an attested agent compiled, taken out of payloads whose hashes a verified receipt names. */

import type { ContractArtifact, RuleFacts, StandardInput } from '@assay/contracts';
import { parseStandardInput } from '@assay/contracts';
import { parseJson } from '@assay/encoding/json';
import { typedEvent, type VerifiedReceipt } from '@assay/receipt';
import { dependenciesIn } from '../../verification/audited-dependencies.ts';
import { CliError } from '../errors.ts';

export interface AttestedAudit extends RuleFacts {
  readonly hash: string;
  readonly passed: boolean;
  /** e.g. `slither-analyzer 0.11.6`. */
  readonly analyzer: string;
  /** Digest of the keyset that signed the audit's receipt. */
  readonly keysetDigest: string;
  /** When it did, epoch seconds. */
  readonly issuedAt: number;
}

export interface AttestedBuild {
  readonly artifacts: readonly ContractArtifact[];
  readonly input: StandardInput;
  readonly compiler: { readonly version: string; readonly hash: string };
  readonly buildHash: string;
  /** The audit of the same input in the bundle; `null` without one. */
  readonly audit: AttestedAudit | null;
  readonly receiptId: string;
}

/**
 * @throws {CliError} `cli/no-build` for a bundle without a build.
 * @example const { artifacts, buildHash } = attestedBuildIn(receipts)
 */
export function attestedBuildIn(receipts: readonly VerifiedReceipt[]): AttestedBuild {
  for (const { receipt, payloads, keysetDigest, time } of receipts) {
    const built = receipt.event_log.find(({ type }) => type === 'contract.built');
    const content = (name: string): Uint8Array | null => payloads.find((each) => each.name === name)?.content ?? null;
    const [contracts, input, manifest] = ['build/contracts.json', 'build/input.json', 'build/manifest.json'].map(content);
    if (built === undefined || !contracts || !input || !manifest) continue;
    const limits = { maxBytes: 256 * 1024 * 1024, maxNodes: 8_000_000 };
    const audited = receipt.event_log.map(typedEvent).find((event) => event.type === 'contract.audited');
    return {
      artifacts: Object.values(parseJson(contracts, limits) as unknown as Record<string, ContractArtifact>),
      input: parseStandardInput(input),
      compiler: (parseJson(manifest, limits) as unknown as { compiler: { version: string; hash: string } }).compiler,
      buildHash: String(built.build_hash),
      audit:
        audited === undefined
          ? null
          : {
              ...{ hash: audited.audit_hash, passed: audited.passed, policy: audited.policy },
              ...{ uncounted: audited.uncounted, dependencies: dependenciesIn(audited) },
              ...{ analyzer: audited.analyzer, keysetDigest, issuedAt: Math.floor(time / 1000) },
            },
      receiptId: receipt.receipt_id,
    };
  }
  throw new CliError(
    'cli/no-build',
    'expected a bundle of assay build or assay audit with its contracts, got none; save one with --save',
  );
}
