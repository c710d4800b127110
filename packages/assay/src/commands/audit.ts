/** `assay audit`: has an attested agent look for weaknesses in contracts, and keeps what shows it. */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ContractsError, type Finding, failsAudit, PASS_POLICIES, type PassPolicy, ruleText } from '@assay/contracts';
import { counted } from '@assay/encoding/counted';
import { type Command, Option } from 'commander';
import { agentOptions } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { type CompileFlags, compileMembers, compileOptions } from '../command-line/compile-options.ts';
import { contractFailure } from '../command-line/contract-failure.ts';
import { type ProjectFlags, readContracts } from '../command-line/contract-project.ts';
import { type ContractTaskFlags, contractTask } from '../command-line/contract-task.ts';
import { PRIVATE } from '../command-line/destination.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { type LintMember, lintLines } from '../command-line/lint-lines.ts';
import { claimLines, type ModelClaims } from '../command-line/model-claims.ts';
import { jsonText, printable, type Style, styleOf } from '../command-line/output.ts';
import { saveAnswer } from '../command-line/save-answer.ts';
import { readFileOf } from '../command-line/subject.ts';
import { auditIn, type RunResult } from '../index.ts';

interface AuditFlags extends ContractTaskFlags, ProjectFlags, CompileFlags {
  readonly rule?: PassPolicy;
  readonly claims?: boolean;
  readonly lint?: boolean;
  readonly baseline?: string;
  readonly sarif?: string;
  readonly save?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  compileOptions(agentOptions(command))
    .argument('<path>', 'a .sol file, a project folder, a standard JSON input, a build-info file, or a .zip')
    .addOption(new Option('--rule <name>', 'which findings fail the audit').choices(PASS_POLICIES).default('default'))
    .option('--claims', "also ask the agent's model, and run its exploits; the outcome of the audit does not change")
    .option('--no-lint', "leave the agent's linter out")
    .option('--baseline <audit.json>', 'findings of an earlier audit: only new ones are shown and fail')
    .option('--sarif <file>', 'write the findings as SARIF 2.1.0')
    .option('--save <folder>', 'write answer, audit, SARIF and bundle there')
    .option('--json', "the agent's whole answer")
    .option('--quiet', 'no steps')
    .action(async (path: string, flags: AuditFlags) => finish(await audit(path, flags, io)));
}

async function audit(path: string, flags: AuditFlags, io: Io): Promise<ExitCode> {
  const known = flags.baseline === undefined ? null : await fingerprintsOf(flags.baseline, io);
  const rule = flags.rule ?? 'default';
  const members = {
    ...compileMembers(flags),
    policy: rule,
    ...(flags.claims === true ? { claims: true } : {}),
    ...(flags.lint === false ? { lint: false } : {}),
  };
  const request = { type: 'attested_audit', ...readContracts(io, path, flags), ...members };
  return contractTask(request, flags, io, (result) => present(result, { flags, known, rule }, io));
}

interface Presented {
  readonly flags: AuditFlags;
  /** Fingerprints of the baseline, with how often each occurs; `null` without one. */
  readonly known: ReadonlyMap<string, number> | null;
  readonly rule: PassPolicy;
}

async function present(result: RunResult, { flags, known, rule }: Presented, io: Io): Promise<ExitCode> {
  const quiet = flags.json === true;
  if (quiet) io.stdout(jsonText(result.answer));
  const audited = auditIn(result);
  if (audited === null) return contractFailure(result, quiet, io);
  const { audit: found, auditHash } = audited;
  const saved = flags.save === undefined ? null : await saveAnswer(result, resolve(io.cwd, flags.save));
  const fresh = known === null ? found.findings : newFindings(found.findings, known);
  if (flags.sarif !== undefined)
    writeSarif(
      resolve(io.cwd, flags.sarif),
      result,
      known === null ? null : found.findings.map((each) => fresh.includes(each)),
    );
  const failing = fresh.filter((finding) => failsAudit(finding, rule)).length;
  if (!quiet) {
    const style = styleOf(io);
    for (const finding of fresh) io.stdout(describe(finding, rule, style));
    const rest = known === null ? '' : `, ${found.findings.length - fresh.length} known from the baseline`;
    io.stdout(
      `${failing === 0 ? style.good('passed') : style.bad('failed')}  ${counted(fresh.length, 'finding')}${rest}; ${failing} ${failing === 1 ? 'fails' : 'fail'} the rule ${rule}\n`,
    );
    io.stdout(lintLines(audited.lint as unknown as LintMember | null, style));
    io.stdout(claimLines(audited.claims as ModelClaims | null, style));
    io.stdout(`held to  ${printable(ruleText(found), { full: true })}\n`);
    io.stdout(`audit    ${printable(auditHash, { full: true })}\n`);
    io.stdout(`build    ${printable(found.build_hash, { full: true })}\n`);
    io.stdout(`tools    slither ${printable(found.analyzer.version)}, solc ${printable(found.compiler.version)}\n`);
    io.stdout(`receipt  ${printable(result.receipt.receipt_id)}\n`);
    if (saved !== null)
      io.stderr(`saved  ${saved.join(', ')}\nhint: check it with assay verify ${printable(String(flags.save))}/bundle.json\n`);
  }
  return failing === 0 ? EXIT.accepted : EXIT.no;
}

function describe(finding: Finding, rule: PassPolicy, style: Style): string {
  const { impact, confidence, check, description, locations, cwe, dependency, suppressed_by_line: line } = finding;
  const paint = impact === 'High' ? style.bad : impact === 'Medium' ? style.open : style.faint;
  const mark = failsAudit(finding, rule) ? style.bad('✗') : style.faint('·');
  const [first] = locations;
  const place = first === undefined ? '' : `${first.source}:${first.first_line}`;
  const notes = [
    ...(cwe === null ? [] : [`CWE-${cwe}`]),
    ...(dependency ? ['in a dependency'] : []),
    ...(line === null ? [] : [`hidden by the comment on line ${line}`]),
  ];
  const head = `${mark} ${paint(printable(impact))}/${printable(confidence)}  ${style.strong(printable(check))}  ${printable(place)}`;
  const words = description.split('\n').map((text) => `    ${printable(text.replace(/\t/g, '  '))}\n`);
  return `${head}${notes.length === 0 ? '' : `  ${style.faint(notes.join(', '))}`}\n${words.join('')}`;
}

/** Findings beyond those of the baseline: of two with one fingerprint, the second is new when the baseline has one. */
function newFindings(findings: readonly Finding[], known: ReadonlyMap<string, number>): readonly Finding[] {
  const left = new Map(known);
  return findings.filter(({ fingerprint }) => {
    const count = left.get(fingerprint) ?? 0;
    left.set(fingerprint, count - 1);
    return count <= 0;
  });
}

/** Of an `audit.json` that was saved, or of an answer with one. */
async function fingerprintsOf(path: string, io: Io): Promise<ReadonlyMap<string, number>> {
  const text = new TextDecoder().decode(await readFileOf(io, path));
  const known = new Map<string, number>();
  try {
    const value = JSON.parse(text) as {
      readonly findings?: readonly Finding[];
      readonly audit?: { readonly findings: readonly Finding[] };
    };
    for (const { fingerprint } of value.findings ?? value.audit?.findings ?? [])
      known.set(fingerprint, (known.get(fingerprint) ?? 0) + 1);
    if (value.findings !== undefined || value.audit !== undefined) return known;
  } catch {
    // Said below.
  }
  throw new ContractsError(
    'audit/malformed',
    `--baseline: expected an audit.json of assay audit --save, got ${path}, another kind of file; save one first`,
  );
}

/** `isNew`: of each finding in order, whether the baseline lacks it; `null` without a baseline. */
function writeSarif(path: string, { files }: RunResult, isNew: readonly boolean[] | null): void {
  const sarif = files['/audit/report.sarif'];
  if (sarif === undefined) return;
  try {
    writeFileSync(path, isNew === null ? sarif : withBaseline(sarif, isNew), PRIVATE);
  } catch (cause) {
    throw new CliError(
      'cli/file-unwritable',
      `cannot write ${path}: ${(cause as NodeJS.ErrnoException).code}; check the folder`,
      { cause },
    );
  }
}

/** SARIF 2.1.0 §3.27.24. */
function withBaseline(sarif: Uint8Array, isNew: readonly boolean[]): string {
  const log = JSON.parse(new TextDecoder().decode(sarif)) as { runs: { results: { baselineState?: string }[] }[] };
  for (const [index, result] of (log.runs[0]?.results ?? []).entries())
    result.baselineState = isNew[index] ? 'new' : 'unchanged';
  return `${JSON.stringify(log, null, 2)}\n`;
}
