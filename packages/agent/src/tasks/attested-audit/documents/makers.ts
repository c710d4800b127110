/**
 * The documents of an audit, made of what programs in the sandbox wrote (spec/contract-audit.md §1, §5, §7). Pure, so that a thread of its own can
 * make those that take long.
 */

import {
  type Audit,
  type AuditFacts,
  auditOf,
  auditText,
  ContractsError,
  digestOf,
  type Lint,
  type LintFacts,
  lintOf,
  lintText,
  parseLintReport,
  parseSlitherReport,
  type Sha256,
  type Sources,
  sarifText,
} from '@assay/contracts';
import { parseLooseJson } from '@assay/encoding/json';

/** Parts of a report that are read. */
const MAX_NODES = 4_000_000;
/** The longest document that an answer carries: more would hold up the agent's other work. UTF-16 units. */
const MAX_LENGTH = 8 * 1024 * 1024;

export interface AuditJob {
  /** What Slither's driver wrote. */
  readonly report: Uint8Array;
  readonly sources: Sources;
  /** Names of sources. */
  readonly dependencies: ReadonlySet<string>;
  readonly facts: Omit<AuditFacts, 'report'>;
}

export interface LintJob {
  /** What the linter's program wrote. */
  readonly report: Uint8Array;
  readonly sources: Sources;
  readonly facts: Omit<LintFacts, 'report'>;
}

export interface SarifJob {
  readonly audit: MadeDocument<Audit>;
  readonly lint: MadeDocument<Lint> | null;
}

/** A document, its JCS form, and the SHA-256 of that. */
export interface MadeDocument<Document> {
  readonly document: Document;
  readonly text: string;
  readonly hash: Sha256;
}

function audit({ report, sources, dependencies, facts }: AuditJob): MadeDocument<Audit> {
  const document = auditOf({ ...facts, report: parseSlitherReport(read(report), sources, dependencies) });
  return made(document, auditText(document));
}

function lint({ report, sources, facts }: LintJob): MadeDocument<Lint> {
  const document = lintOf({ ...facts, report: parseLintReport(read(report), sources, facts.sources) });
  return made(document, lintText(document));
}

function made<Document>(document: Document, text: string): MadeDocument<Document> {
  if (text.length <= MAX_LENGTH) return { document, text, hash: digestOf(text) };
  throw new ContractsError(
    'project/too-large',
    `expected findings of at most ${MAX_LENGTH} characters together, got ${text.length}; audit fewer sources at once`,
  );
}

function sarif({ audit, lint }: SarifJob): string {
  return sarifText(audit.document, lint === null ? null : lint.document);
}

function read(report: Uint8Array): unknown {
  return parseLooseJson(new TextDecoder().decode(report), MAX_NODES);
}

/** Each throws {@link ContractsError} `audit/malformed`, `project/too-large`; {@link EncodingError} `json/malformed`, `json/limit`. */
export const MAKERS = { audit, lint, sarif } as const;

export type Makers = typeof MAKERS;

/** What reading a report is about: its bytes, and the sources, each of which may be split, encoded or hashed as a whole for one finding. */
function readLength({ report, sources }: AuditJob | LintJob): number {
  return Object.values(sources).reduce((sum, source) => sum + source.length, report.length);
}

/** Length of what the work is about, bytes or UTF-16 units. */
export const lengthOf: { readonly [Kind in keyof Makers]: (job: Parameters<Makers[Kind]>[0]) => number } = {
  audit: readLength,
  lint: readLength,
  sarif: ({ audit, lint }) => audit.text.length + (lint?.text.length ?? 0),
};
