/**
 * Audits and builds of contracts at a verified agent. The result is given out only when its bundle is accepted and its receipt covers it, and
 * when the hashes in it are those of the documents that came.
 */

import { type Audit, type BuildManifest, type ContractArtifact, digestOfJson, type PassPolicy } from '@assay/contracts';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import { ClientError } from '../errors.ts';
import { oneLine } from './one-line.ts';
import type { RunResult } from './task-result.ts';
import type { RunOptions, TaskRequest, TaskRun } from './task-run.ts';

/** One Solidity source, or sources by path with everything that they import. */
export type ContractSources = string | Readonly<Record<string, string>>;

export interface BuildOptions extends Pick<RunOptions, 'nonce' | 'signal'> {
  /** e.g. `0.8.24`; what the pragmas allow by default. */
  readonly solcVersion?: string | undefined;
  /** On by default. */
  readonly optimizer?: boolean | undefined;
  /** 200 by default. */
  readonly optimizerRuns?: number | undefined;
  readonly evmVersion?: string | undefined;
  readonly viaIR?: boolean | undefined;
  readonly remappings?: readonly string[] | undefined;
  /** Seconds for the whole work. */
  readonly timeout?: number | undefined;
}

export interface AuditOptions extends BuildOptions {
  /** Which findings fail the audit (spec/contract-audit.md §3). */
  readonly policy?: PassPolicy | undefined;
}

/** What an agent built; members of the origin's `AttestedBuildResult` and the documents behind them. */
export interface ContractBuild {
  readonly artifacts: Readonly<Record<string, { readonly bytecode: string; readonly hash: string }>>;
  readonly buildHash: string;
  readonly attestationQuote: JsonObject;
  readonly solcVersion: string;
  readonly manifest: BuildManifest;
  readonly contracts: Readonly<Record<string, ContractArtifact>>;
  readonly run: RunResult;
}

/** What an agent found; members of the origin's `AttestedAuditResult` and the documents behind them. */
export interface ContractAudit {
  readonly contractHash: string;
  readonly auditHash: string;
  readonly findingsCount: number;
  readonly passed: boolean;
  readonly attestationQuote: JsonObject;
  readonly executedAt: string;
  readonly teeProvider: string;
  readonly audit: Audit;
  /** SARIF 2.1.0, as text. */
  readonly sarif: string;
  readonly run: RunResult;
}

/** The request for `type`. */
export function contractRequest(type: string, sources: ContractSources, options: AuditOptions): TaskRequest {
  const members = {
    solc_version: options.solcVersion,
    optimizer: options.optimizer,
    optimizer_runs: options.optimizerRuns,
    evm_version: options.evmVersion,
    via_ir: options.viaIR,
    remappings: options.remappings,
    timeout: options.timeout,
    policy: options.policy,
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return { type, ...(typeof sources === 'string' ? { contract_code: sources } : { sources }), ...Object.fromEntries(given) };
}

/** @throws {ClientError} `client/contracts-failed` for sources that do not compile; `client/receipt-mismatch`; those of the run. */
export async function buildResult(run: TaskRun): Promise<ContractBuild> {
  const result = await run;
  const build = membersOf(result);
  const manifest = result.answer.build as unknown as BuildManifest;
  hold('buildHash', build.buildHash, manifest);
  const contracts = parseJson(fileOf(result, '/build/contracts.json')) as unknown as ContractBuild['contracts'];
  return { ...(build as unknown as ContractBuild), manifest, contracts, run: result };
}

/** As {@link buildResult}. Findings that fail the rule are a result, too: `passed` is false. */
export async function auditResult(run: TaskRun): Promise<ContractAudit> {
  const result = await run;
  const found = membersOf(result);
  const audit = result.answer.audit as unknown as Audit;
  hold('auditHash', found.auditHash, audit);
  return {
    ...(found as unknown as ContractAudit),
    audit,
    sarif: decodeUtf8(fileOf(result, '/audit/report.sarif')),
    run: result,
  };
}

function membersOf({ answer, error }: RunResult): JsonObject {
  const { result } = answer;
  if (typeof result === 'object' && result !== null && !Array.isArray(result)) return result as JsonObject;
  throw new ClientError(
    'client/contracts-failed',
    `expected a result for the contracts, got none: ${oneLine(String(error))}; mend the sources`,
    {
      details: { code: answer.error_code ?? null, error },
    },
  );
}

function hold(name: string, stated: unknown, document: unknown): void {
  const actual = digestOfJson(document).slice('sha256:'.length);
  if (stated === actual) return;
  throw new ClientError(
    'client/receipt-mismatch',
    `expected ${name} ${actual} of the document that came, got ${oneLine(String(stated))}; do not rely on the answer`,
  );
}

function fileOf({ files }: RunResult, path: string): Uint8Array {
  const bytes = files[path];
  if (bytes !== undefined) return bytes;
  throw new ClientError(
    'client/receipt-mismatch',
    `expected the file ${path} next to the answer, got none; do not rely on the answer`,
  );
}
