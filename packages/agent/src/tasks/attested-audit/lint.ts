/**
 * One run of the linter in the analyser's sandbox (spec/contract-audit.md §7). Apart from the audit: whatever comes of it, the audit's hash, rule
 * and outcome stay. A run that was not made, or failed, reads `not-checked` with the reason.
 */

import type { Lint, Sources } from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import type { SandboxResult } from '@assay/sandbox';
import { z } from 'zod';
import type { Linter, OpenAnalyzer } from '../../ports/analyzer.ts';
import { type KeptFile, keepFile } from '../kept-file.ts';
import type { TaskContext } from '../task.ts';
import { makeDocument } from './documents/make-document.ts';
import type { MadeDocument } from './documents/makers.ts';
import { recordExecution } from './record-execution.ts';

const INPUT = '/tmp/input.json';
const REPORT = '/tmp/solhint.json';
const PROGRAM = '/tmp/solhint.cjs';
/** What the sandbox runs: it reads code in full before it runs, which takes seconds for a program of this size. */
const LOADER = `const program = require('node:fs').readFileSync('${PROGRAM}', 'utf8');
new Function('require', 'module', '__filename', '__dirname', program)(require, { exports: {} }, '${PROGRAM}', '/tmp');
`;
const MOST_RUN_MS = 60_000;

export const lintSchema = z.union([
  z.object({
    outcome: z.literal('linted'),
    lintHash: z.string().describe('SHA-256 of the document, hex'),
    document: z.record(z.string(), z.unknown()).describe('spec/contract-audit.md §7'),
  }),
  z.object({ outcome: z.literal('not-checked'), reason: z.string() }),
]);

/** What the linter said, or why it said nothing. */
export type Linted =
  | { readonly lint: Lint; readonly made: MadeDocument<Lint>; readonly linter: string; readonly file: KeptFile }
  | { readonly lint: null; readonly reason: string };

export interface LintWork {
  readonly analyzer: OpenAnalyzer;
  /** The request wants it. */
  readonly asked: boolean;
  /** The compiler's input, as the bundle has it. */
  readonly inputText: string;
  readonly inputHash: Lint['input_hash'];
  readonly sources: Sources;
  readonly isDependency: (source: string) => boolean;
  /** Wall time that is left, milliseconds. */
  readonly left: () => number;
}

/**
 * Lints the sources that are no dependencies. Only an end of the whole task throws.
 * @throws the reason of the task's signal, and errors without a code.
 */
export async function lintSources(work: LintWork, context: TaskContext): Promise<Linted> {
  const { analyzer, asked, sources, inputHash } = work;
  if (!asked) return { lint: null, reason: 'the request asked for none' };
  if (!analyzer.sandbox.capabilities.languages.includes('javascript'))
    return { lint: null, reason: 'the sandbox of this agent runs no JavaScript' };
  const names = Object.keys(sources)
    .filter((name) => !work.isDependency(name))
    .sort();
  try {
    const linter = analyzer.linter();
    if (linter === null)
      return { lint: null, reason: 'no linter is installed; the operator runs: assay sandbox install --lane solhint' };
    const report = await run(work, { linter, names }, context);
    if (typeof report === 'string') return { lint: null, reason: report };
    const { code, name, version } = linter;
    const job = { report, sources, facts: { inputHash, version, code, sources: names } };
    const made = await makeDocument('lint', job, context.signal);
    const lint = made.document;
    if (Object.keys(lint.unread).length === names.length)
      return { lint: null, reason: `${name} ${version} could read none of the sources, ${names.length} in all` };
    const file = keepFile(context, '/audit/lint.json', 'application/json', made.text);
    return { lint, made, linter: `${name} ${version}`, file };
  } catch (error) {
    if (context.signal.aborted || !isCoded(error)) throw error;
    return { lint: null, reason: `${error.code}: ${error.message}`.slice(0, 500) };
  }
}

/** The report's bytes, or why there is none. */
async function run(
  { analyzer, inputText, left }: LintWork,
  { linter, names }: { readonly linter: Linter; readonly names: readonly string[] },
  { draft, signal }: TaskContext,
): Promise<Uint8Array | string> {
  // The program itself is not kept: its digest is pinned, and who repeats the run installs the same one.
  const codeHash = draft.payload('audit/lint/loader.js', 'text/javascript', utf8(LOADER));
  const stdin = JSON.stringify(names);
  const result = await resultOf(
    analyzer.sandbox.run({
      ...{ language: 'javascript', code: LOADER, stdin, signal },
      files: [
        { path: PROGRAM, bytes: utf8(linter.code) },
        { path: INPUT, bytes: utf8(inputText) },
      ],
      limits: { wallMs: Math.max(1000, Math.round(Math.min(left(), MOST_RUN_MS))) },
    }),
  );
  if (result === null) return 'the sandbox ended without a result';
  recordExecution(draft, result, { place: 'audit/lint', attempt: 1, language: 'javascript', codeHash, stdin });
  signal.throwIfAborted();
  const report = result.artifacts.find(({ path }) => path === REPORT);
  if (result.status === 'ok' && report !== undefined) return report.bytes;
  const said = result.error === null ? '' : `: ${result.error.message.slice(0, 300)}`;
  return `the linter's run ended with ${result.status}${said}, and no report`;
}

async function resultOf(events: ReturnType<OpenAnalyzer['sandbox']['run']>): Promise<SandboxResult | null> {
  for await (const event of events) if (event.type === 'result') return event.result;
  return null;
}

/** Says in the receipt what came of it. */
export function recordLint({ draft }: TaskContext, linted: Linted): void {
  const { lint } = linted;
  draft.append(
    lint === null
      ? { type: 'contract.linted', outcome: 'not-checked', reason: linted.reason }
      : {
          ...{ type: 'contract.linted', outcome: 'linted', linter: linted.linter },
          ...{ lint_hash: linted.made.hash, findings: lint.findings.length },
          ...{ sources: lint.sources.length, unread: Object.keys(lint.unread).length },
        },
  );
}

/** The member of the answer. */
export function lintAnswer(linted: Linted): z.infer<typeof lintSchema> {
  if (linted.lint === null) return { outcome: 'not-checked', reason: linted.reason };
  return { outcome: 'linted', lintHash: linted.made.hash.slice('sha256:'.length), document: { ...linted.lint } };
}
