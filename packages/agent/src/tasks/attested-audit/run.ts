/** `attested_audit`: compiles Solidity and analyses it with Slither inside the TEE (spec/contract-audit.md). */

import {
  type Audit,
  auditHash,
  auditOf,
  auditText,
  buildHash,
  contractArtifacts,
  cryticArchive,
  digestOf,
  failsAudit,
  manifestText,
  PASS_POLICIES,
  parseSlitherReport,
  type Sources,
  sarifText,
} from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { z } from 'zod';
import { recordBuild } from '../build-record.ts';
import { compileFailure, compileProject } from '../compile-project.ts';
import { compileMembers, limitMembers, readProject, requireSealed, sourceMembers } from '../contract-project.ts';
import { keepFile } from '../kept-file.ts';
import { attestResult, resultAttestationSchema, teeProviderOf } from '../result-attestation.ts';
import type { Task, TaskContext, TaskResult, WorkEnding } from '../task.ts';
import { analyze } from './analyze.ts';

/** Seconds, as the seed has them. */
const TIMEOUT_SECONDS = 60;

const input = z.object({
  type: z.literal('attested_audit'),
  ...sourceMembers,
  ...compileMembers,
  ...limitMembers(TIMEOUT_SECONDS),
  policy: z.enum(PASS_POLICIES).default('default').describe('which findings fail the audit, spec/contract-audit.md §3'),
  dependencies: z
    .array(z.string().min(1).max(512))
    .max(512)
    .optional()
    .describe('beginnings of source names that are dependencies; lib/, node_modules/ and @… unless given'),
});

const answer = z.object({
  result: z
    .object({
      contractHash: z.string().describe('SHA-256 of the source, hex; of the whole input when there are several'),
      auditHash: z.string().describe('SHA-256 of the audit document, hex'),
      findingsCount: z.number().int(),
      passed: z.boolean(),
      attestationQuote: resultAttestationSchema,
      executedAt: z.string(),
      teeProvider: z.string(),
    })
    .nullable()
    .describe("what was found, in the origin's shape; null when the sources do not compile"),
  audit: z.record(z.string(), z.unknown()).nullable().describe('the audit document, spec/contract-audit.md'),
  messages: z.array(z.object({ severity: z.string(), message: z.string() })).describe("the compiler's errors"),
});

type Answer = z.infer<typeof answer>;

export const attestedAudit: Task<z.infer<typeof input>, Answer> = {
  type: 'attested_audit',
  summary: 'Audits Solidity contracts with Slither; the same sources and tools give the same hash anywhere.',
  needs: [],
  input,
  answer,
  run,
};

const DEPENDENCIES = ['lib/', 'node_modules/', '@'];
const JSON_TYPE = 'application/json';

async function run(task: z.infer<typeof input>, context: TaskContext): Promise<TaskResult<Answer>> {
  const { draft, ports } = context;
  requireSealed(task.encrypted, context.sealed);
  const begun = performance.now();
  const left = (): number => Math.max(1, task.timeout * 1000 - (performance.now() - begun));
  const project = readProject(task);
  const analyzer = await ports.analyzer.open();
  const compilation = await compileProject(project, left(), context);
  if (compilation.kind === 'failed') {
    const messages = compilation.errors
      .slice(0, 50)
      .map(({ severity, formatted }) => ({ severity, message: formatted.slice(0, 4000) }));
    return { ending: compileFailure(compilation), answer: { result: null, audit: null, messages } };
  }
  const { release, output, manifest } = compilation;
  const { sources } = project.input;
  const prefixes = task.dependencies ?? DEPENDENCIES;
  const isDependency = (source: string): boolean => prefixes.some((prefix) => source.startsWith(prefix));
  const archive = cryticArchive({ input: project.input, output, version: release.version, isDependency });
  const report = parseSlitherReport(await analyze(analyzer, { archive, wallMs: left() }, context), sources);
  const audit = auditOf({
    buildHash: buildHash(manifest),
    inputHash: manifest.input_hash,
    compiler: manifest.compiler,
    analyzer: {
      name: 'slither-analyzer',
      version: analyzer.version,
      crytic_compile: analyzer.cryticCompile,
      driver_hash: digestOf(utf8(analyzer.driver)),
    },
    policy: task.policy,
    report,
  });
  const hash = auditHash(audit);
  const { language, settings } = project.input;
  const contents = Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }]));
  const files = [
    keepFile(context, '/build/manifest.json', JSON_TYPE, manifestText(manifest)),
    keepFile(context, '/build/input.json', JSON_TYPE, canonicalJson({ language, sources: contents, settings })),
    keepFile(context, '/build/contracts.json', JSON_TYPE, canonicalJson(contractArtifacts(output))),
    keepFile(context, '/audit/audit.json', JSON_TYPE, auditText(audit)),
    keepFile(context, '/audit/report.sarif', 'application/sarif+json', sarifText(audit)),
  ];
  recordBuild(draft, compilation);
  draft.append({
    type: 'contract.audited',
    audit_hash: hash,
    build_hash: audit.build_hash,
    input_hash: audit.input_hash,
    analyzer: `slither-analyzer ${analyzer.version}`,
    policy: audit.policy,
    passed: audit.passed,
    findings: audit.findings.length,
    highest_impact: audit.findings[0]?.impact ?? null,
  });
  const attestationQuote = await attestResult(context, hash);
  return {
    ending: endingOf(audit),
    answer: {
      result: {
        contractHash: contractHash(sources, audit),
        auditHash: hash.slice('sha256:'.length),
        findingsCount: audit.findings.length,
        passed: audit.passed,
        attestationQuote,
        executedAt: new Date(ports.clock.now()).toISOString(),
        teeProvider: teeProviderOf(attestationQuote),
      },
      audit: JSON.parse(auditText(audit)) as Record<string, unknown>,
      messages: [],
    },
    artifacts: files.map(({ artifact }) => artifact),
  };
}

function contractHash(sources: Sources, audit: Audit): string {
  const [only, ...others] = Object.values(sources);
  return (only !== undefined && others.length === 0 ? digestOf(only) : audit.input_hash).slice('sha256:'.length);
}

/** An audit that found too much was done, and its answer is no. */
function endingOf(audit: Audit): WorkEnding {
  const { findings, policy, passed, failing } = audit;
  const all = `${findings.length} finding${findings.length === 1 ? '' : 's'}`;
  if (passed) return { status: 'succeeded', message: `Audit passed: ${all}, none fails the rule "${policy}"` };
  const worst = findings.find((finding) => failsAudit(finding, policy));
  const place = worst?.locations[0] === undefined ? '' : ` at ${worst.locations[0].source}:${worst.locations[0].first_line}`;
  return {
    status: 'failed',
    message: `Audit failed: ${failing} of ${all} fail the rule "${policy}"`,
    error: `${worst?.check ?? 'finding'}${place}: expected no finding that fails the rule "${policy}", got ${failing}; mend the contract, or read the findings`,
    code: 'contract/findings',
  };
}
