/** `attested_audit`: compiles Solidity and analyses it with Slither inside the TEE (spec/contract-audit.md). */

import {
  type Audit,
  cryticArchive,
  DEPENDENCY_PREFIXES,
  dependencySources,
  digestOf,
  failsAudit,
  PASS_POLICIES,
  ruleText,
  type Sources,
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
import { type BuildTexts, buildTexts } from './build-texts.ts';
import { claimFindings, claimsSchema } from './claims/claims.ts';
import { makeDocument } from './documents/make-document.ts';
import { lintAnswer, lintSchema, lintSources, recordLint } from './lint.ts';
import { openAnalyzer } from './open-analyzer.ts';

/** Seconds, as the seed has them. */
const TIMEOUT_SECONDS = 60;

const input = z.object({
  type: z.literal('attested_audit'),
  ...sourceMembers,
  ...compileMembers,
  ...limitMembers(TIMEOUT_SECONDS),
  claims: z
    .boolean()
    .default(false)
    .describe("also ask the agent's model for findings, and run its exploits; the audit's hash and rule do not change"),
  lint: z
    .boolean()
    .default(true)
    .describe('also lint the sources where the agent has a linter; apart from the audit, whose hash and rule do not change'),
  policy: z.enum(PASS_POLICIES).default('default').describe('which findings fail the audit, spec/contract-audit.md §3'),
  dependencies: z
    .array(z.string().min(1).max(512))
    .max(512)
    .optional()
    .describe(
      'beginnings of source names that are dependencies; lib/, node_modules/ and @… unless given; sources that nothing imports never are',
    ),
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
  lint: lintSchema.nullable().describe('what the linter said, spec/contract-audit.md §7; null when the sources do not compile'),
  claims: claimsSchema.nullable().describe('what the model said, spec/contract-audit.md §6; null unless asked for'),
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

const JSON_TYPE = 'application/json';

async function run(task: z.infer<typeof input>, context: TaskContext): Promise<TaskResult<Answer>> {
  const { draft, ports } = context;
  requireSealed(task.encrypted, context.sealed);
  const begun = performance.now();
  const left = (): number => Math.max(1, task.timeout * 1000 - (performance.now() - begun));
  const project = readProject(task);
  const analyzer = await openAnalyzer(project, ports);
  const compilation = await compileProject(project, left(), context);
  if (compilation.kind === 'failed') {
    const messages = compilation.errors
      .slice(0, 50)
      .map(({ severity, formatted }) => ({ severity, message: formatted.slice(0, 4000) }));
    return { ending: compileFailure(compilation), answer: { result: null, audit: null, lint: null, claims: null, messages } };
  }
  const { release, output, manifest } = compilation;
  const { sources } = project.input;
  const prefixes = task.dependencies ?? DEPENDENCY_PREFIXES;
  const dependencies = dependencySources(output, prefixes);
  const isDependency = (source: string): boolean => dependencies.has(source);
  const archive = cryticArchive({ input: project.input, output, version: release.version, isDependency });
  let made: BuildTexts | null = null;
  const texts = (): BuildTexts => {
    made ??= buildTexts(project, compilation);
    return made;
  };
  const report = await analyze(analyzer, { archive, wallMs: left(), onStarted: texts }, context);
  const build = texts();
  const facts = {
    buildHash: build.buildHash,
    inputHash: manifest.input_hash,
    compiler: manifest.compiler,
    analyzer: {
      name: 'slither-analyzer',
      version: analyzer.version,
      crytic_compile: analyzer.cryticCompile,
      driver_hash: digestOf(utf8(analyzer.driver)),
    },
    policy: task.policy,
    dependencies: prefixes,
  } as const;
  const { signal } = context;
  const audited = await makeDocument('audit', { report, sources, dependencies, facts }, signal);
  const { document: audit, hash } = audited;
  const files = [
    keepFile(context, '/build/manifest.json', JSON_TYPE, build.manifest),
    keepFile(context, '/build/input.json', JSON_TYPE, build.input),
    keepFile(context, '/build/contracts.json', JSON_TYPE, build.contracts),
    keepFile(context, '/audit/audit.json', JSON_TYPE, audited.text),
  ];
  files.push(await recordBuild(context, compilation, task.packages ?? []));
  draft.append({
    type: 'contract.audited',
    audit_hash: hash,
    build_hash: audit.build_hash,
    input_hash: audit.input_hash,
    analyzer: `slither-analyzer ${analyzer.version}`,
    policy: audit.policy,
    dependencies: canonicalJson(audit.dependencies),
    passed: audit.passed,
    findings: audit.findings.length,
    uncounted: audit.uncounted,
    highest_impact: audit.findings[0]?.impact ?? null,
  });
  const claimed = task.claims ? await claimFindings({ analyzer, project, compilation, isDependency, left }, context) : null;
  if (claimed !== null) files.push(claimed.file);
  // Last, so that sources on which the linter takes long leave exploits their time.
  const linted = await lintSources(
    { analyzer, asked: task.lint, inputText: build.input, inputHash: manifest.input_hash, sources, isDependency, left },
    context,
  );
  if (linted.lint !== null) files.push(linted.file);
  const sarif = await makeDocument('sarif', { audit: audited, lint: linted.lint === null ? null : linted.made }, signal);
  files.push(keepFile(context, '/audit/report.sarif', 'application/sarif+json', sarif));
  recordLint(context, linted);
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
      audit: { ...audit },
      lint: lintAnswer(linted),
      claims: claimed?.claims ?? null,
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
  if (passed) return { status: 'succeeded', message: `Audit passed: ${all}, none fails; ${ruleText(audit)}` };
  const worst = findings.find((finding) => failsAudit(finding, policy));
  const place = worst?.locations[0] === undefined ? '' : ` at ${worst.locations[0].source}:${worst.locations[0].first_line}`;
  return {
    status: 'failed',
    message: `Audit failed: ${failing} of ${all}; ${ruleText(audit)}`,
    error: `${worst?.check ?? 'finding'}${place}: expected no finding that fails the rule "${policy}", got ${failing}; mend the contract, or read the findings`,
    code: 'contract/findings',
  };
}
