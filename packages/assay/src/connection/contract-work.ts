/**
 * Audits and builds of contracts at a verified agent. The result is given out only when its bundle is accepted and its receipt covers it, and
 * when the hashes in it are those of the documents that came.
 */

import { type Audit, type BuildManifest, type ContractArtifact, digestOfJson, type PassPolicy } from '@assay/contracts';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { ClientError } from '../errors.ts';
import { requireShape } from './contract-shape.ts';
import { oneLine } from './one-line.ts';
import type { RunResult } from './task-result.ts';
import type { RunOptions, TaskRequest, TaskRun } from './task-run.ts';

/** One Solidity source, or sources by path with everything that they import. */
export type ContractSources = string | Readonly<Record<string, string>>;

/** Options of `buildIn`. What is left out is the compiler's default. */
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

/** Options of `auditIn`: those of a build, and how findings are judged. */
export interface AuditOptions extends BuildOptions {
  /** Which findings fail the audit (spec/contract-audit.md §3). */
  readonly policy?: PassPolicy | undefined;
  /** Also lint the sources where the agent has a linter (spec/contract-audit.md §7). On by default. */
  readonly lint?: boolean | undefined;
  /** Also ask the agent's model for findings, and run its exploits (spec/contract-audit.md §6). */
  readonly claims?: boolean | undefined;
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
  /** What the linter said, apart from the audit, or why it said nothing; as the answer has it. */
  readonly lint: JsonObject | null;
  /** What the model said, as the answer has it; `null` unless asked for. */
  readonly claims: JsonObject | null;
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
    claims: options.claims,
    lint: options.lint,
  };
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return { type, ...(typeof sources === 'string' ? { contract_code: sources } : { sources }), ...Object.fromEntries(given) };
}

/** @throws {ClientError} `client/contracts-failed` for sources that do not compile; `client/receipt-mismatch`; those of the run. */
export async function buildResult(run: TaskRun): Promise<ContractBuild> {
  const result = await run;
  return buildIn(result) ?? failed(result);
}

/** As {@link buildResult}. Findings that fail the rule are a result, too: `passed` is false. */
export async function auditResult(run: TaskRun): Promise<ContractAudit> {
  const result = await run;
  return auditIn(result) ?? failed(result);
}

/**
 * The build in a result, its hashes compared; `null` when nothing was built.
 * @throws {ClientError} `client/receipt-mismatch`; `client/answer-malformed` for a document that is something else.
 * @example buildIn(await agent.run({ type: 'contract_build', sources }))?.buildHash
 */
export function buildIn(result: RunResult): ContractBuild | null {
  const stated = membersOf<Omit<ContractBuild, 'manifest' | 'contracts' | 'run'>>(result);
  const manifest = documentIn<BuildManifest>(result.answer.build, 'assay-build/1');
  if (stated === null || manifest === null) return null;
  hold('buildHash', stated.buildHash, manifest);
  requireShape('build manifest', manifest);
  const contracts = parseJson(fileOf(result, '/build/contracts.json')) as unknown as ContractBuild['contracts'];
  return { ...stated, manifest, contracts, run: result };
}

/**
 * As {@link buildIn}: the audit in a result, whether or not its findings pass the rule.
 * @example const audit = auditIn(await agent.run(request));
 */
export function auditIn(result: RunResult): ContractAudit | null {
  const stated = membersOf<Omit<ContractAudit, 'audit' | 'claims' | 'lint' | 'sarif' | 'run'>>(result);
  const audit = documentIn<Audit>(result.answer.audit, 'assay-audit/1');
  if (stated === null || audit === null) return null;
  hold('auditHash', stated.auditHash, audit);
  requireShape('audit document', audit);
  const claims = objectIn(result.answer.claims);
  if (claims !== null) requireShape("model's claims", claims);
  const sarif = decodeUtf8(fileOf(result, '/audit/report.sarif'));
  return { ...stated, audit, claims, lint: lintIn(result), sarif, run: result };
}

/** The linter's document stands under its hash like the audit's. */
function lintIn({ answer }: RunResult): JsonObject | null {
  const lint = objectIn(answer.lint);
  if (lint === null) return null;
  if (lint.outcome !== 'linted') requireShape('reason for no lint', lint);
  else {
    hold('lintHash', lint.lintHash, lint.document);
    requireShape('lint document', lint.document);
  }
  return lint;
}

/** The attested agent's own members of its result: here they get their type, once. */
function membersOf<Members>({ answer: { result } }: RunResult): Members | null {
  return objectIn(result) as Members | null;
}

/** A document that says of itself which version of which it is. */
function documentIn<Document>(value: Json | undefined, version: string): Document | null {
  const document = objectIn(value);
  return document?.v === version ? (document as Document) : null;
}

function objectIn(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

function failed(result: RunResult): never {
  const { code, message } =
    result.outcome === 'succeeded' ? { code: null, message: 'no document of this version' } : result.error;
  throw new ClientError(
    'client/contracts-failed',
    `expected a result for the contracts, got none: ${oneLine(message)}; mend the sources`,
    { details: { code, error: message } },
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
