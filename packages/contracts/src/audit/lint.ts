/**
 * What a linter said of an audit's sources (spec/contract-audit.md §7). A document of its own: neither the audit's hash nor its rule know of it,
 * so that an agent without the linter audits to the same hash.
 */

import { canonicalJson } from '@assay/encoding/json';
import { digestOf, digestOfJson, type Sha256 } from '../digest.ts';
import { ContractsError } from '../errors.ts';
import type { Sources } from '../project/collect-sources.ts';

const MAX_FINDINGS = 20_000;
const MAX_RULES = 1000;
const MAX_TEXT = 2000;
const RULE = /^[a-z0-9-]{1,80}$/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SEVERITIES: Readonly<Record<number, LintSeverity>> = { 2: 'error', 3: 'warning' };

export type LintSeverity = 'error' | 'warning';

export interface LintFinding {
  /** The linter's id of the rule. */
  readonly rule: string;
  readonly severity: LintSeverity;
  readonly message: string;
  readonly source: string;
  /** From 1. */
  readonly line: number;
  /** From 1, UTF-16 units. */
  readonly column: number;
  /** A comment of the source asks to hide it. */
  readonly suppressed: boolean;
  /** Independent of where line and file are. 32 hex characters. */
  readonly fingerprint: string;
}

export interface Lint {
  readonly v: 'assay-lint/1';
  readonly input_hash: Sha256;
  readonly linter: { readonly name: 'solhint'; readonly version: string; readonly program_hash: Sha256 };
  readonly rules: readonly string[];
  /** Sources that were linted, sorted. */
  readonly sources: readonly string[];
  /** Sources that the linter's own parser does not know, with its words. */
  readonly unread: Readonly<Record<string, string>>;
  readonly findings: readonly LintFinding[];
}

/** As the sandbox wrote it, read. */
export interface LintReport extends Pick<Lint, 'rules' | 'unread' | 'findings'> {}

/**
 * Reads the report of the linter's program.
 * @param wanted the sources it was to lint.
 * @throws {ContractsError} `audit/malformed` for anything else, and for a report that leaves one out or adds one.
 * @example const report = parseLintReport(JSON.parse(output), sources, ['src/Token.sol'])
 */
export function parseLintReport(value: unknown, sources: Sources, wanted: readonly string[]): LintReport {
  const { v, rules, files } = (value ?? {}) as Record<string, unknown>;
  if (v !== 1 || !Array.isArray(rules) || rules.length > MAX_RULES || !rules.every(isRule) || !Array.isArray(files))
    throw malformed('rules and files');
  const members = files.map(membersOf);
  if (members.length !== wanted.length || members.some(({ source }, index) => source !== wanted[index]))
    throw malformed('every source once, in order');
  const count = members.reduce((sum, each) => sum + each.findings.length, 0);
  if (count > MAX_FINDINGS) throw malformed(`at most ${MAX_FINDINGS} findings`);
  const read = members.map((each) => parseFile(each, sources));
  const findings = read.flatMap((each) => each.findings);
  const unread = read.flatMap(({ source, unread: why }) => (why === null ? [] : [[source, why] as const]));
  return { rules: [...rules].sort(), unread: Object.fromEntries(unread), findings: once(findings.sort(inOrder)) };
}

/** Some rules of solhint visit a place twice. */
function once(sorted: readonly LintFinding[]): readonly LintFinding[] {
  return sorted.filter((each, index) => {
    const last = sorted[index - 1];
    return last === undefined || inOrder(last, each) !== 0 || last.suppressed !== each.suppressed;
  });
}

interface FileMembers {
  readonly source: string;
  readonly unread: string | null;
  readonly findings: readonly unknown[];
}

function membersOf(value: unknown): FileMembers {
  const { source, unread, findings } = (value ?? {}) as Record<string, unknown>;
  if (typeof source !== 'string') throw malformed('a source of the project');
  if (!(unread === null || typeof unread === 'string') || !Array.isArray(findings)) throw malformed('findings of a source');
  return { source, unread, findings };
}

function parseFile({ source, unread, findings }: FileMembers, sources: Sources) {
  if (!Object.hasOwn(sources, source)) throw malformed('a source of the project');
  const hashOfLine = lineHashes(sources[source] ?? '');
  return {
    source,
    unread: unread === null ? null : cut(unread),
    findings: findings.map((each) => parseFinding(each, source, hashOfLine)),
  };
}

type LineHash = (line: number) => Sha256;

/** Hashes a line once, however many findings it has: a source may be one line of megabytes. */
function lineHashes(text: string): LineHash {
  const lines = text.split(/\r\n|\r|\n/);
  const hashes = new Map<number, Sha256>();
  return (line) => {
    const hash = hashes.get(line) ?? digestOf((lines[line - 1] ?? '').replaceAll(/\s+/g, '').replace(LONE_SURROGATE, '\ufffd'));
    hashes.set(line, hash);
    return hash;
  };
}

function isRule(value: unknown): value is string {
  return typeof value === 'string' && RULE.test(value);
}

function parseFinding(value: unknown, source: string, hashOfLine: LineHash): LintFinding {
  const { rule, severity, message, line, column, suppressed } = (value ?? {}) as Record<string, unknown>;
  if (!isRule(rule)) throw malformed('the id of a rule');
  const named = SEVERITIES[Number(severity)];
  if (named === undefined || typeof message !== 'string' || typeof suppressed !== 'boolean')
    throw malformed('severity, message and mark');
  const place = { line: positive(line), column: positive(column) };
  const words = cut(message);
  const fingerprint = digestOfJson({ rule, message: words, line_hash: hashOfLine(place.line) }).slice(
    'sha256:'.length,
    'sha256:'.length + 32,
  );
  return { rule, severity: named, message: words, source, ...place, suppressed, fingerprint };
}

/** Positions before the first line or column occur where the linter has none. */
function positive(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed('a position');
  return Math.max(1, value);
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT).trim().replace(LONE_SURROGATE, '\ufffd');
}

const before = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

function inOrder(a: LintFinding, b: LintFinding): number {
  return (
    before(a.source, b.source) ||
    a.line - b.line ||
    a.column - b.column ||
    before(a.rule, b.rule) ||
    before(a.message, b.message)
  );
}

export interface LintFacts {
  readonly inputHash: Sha256;
  readonly version: string;
  /** The program, as the sandbox got it. */
  readonly code: string;
  readonly sources: readonly string[];
  readonly report: LintReport;
}

/**
 * The document of a linter's run.
 * @example lintHash(lintOf({ inputHash, version: '6.2.4', code, sources, report }))
 */
export function lintOf({ inputHash, version, code, sources, report }: LintFacts): Lint {
  const linter = { name: 'solhint', version, program_hash: digestOf(code) } as const;
  return { v: 'assay-lint/1', input_hash: inputHash, linter, sources: [...sources].sort(), ...report };
}

/**
 * The bytes that are hashed and kept.
 * @example lintHash(lint) === digestOf(lintText(lint)) // true
 */
export function lintText(lint: Lint): string {
  return canonicalJson(lint);
}

/**
 * `sha256:` over {@link lintText}.
 * @example lintHash(lint) === digestOf(lintText(lint)) // true
 */
export function lintHash(lint: Lint): Sha256 {
  return digestOf(lintText(lint));
}

function malformed(what: string): ContractsError {
  return new ContractsError(
    'audit/malformed',
    `expected ${what} in the linter's report, got something else; check the version that is installed`,
  );
}
