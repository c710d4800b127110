/** A run in the analyser's sandbox, as an event of the receipt like any other run of code, so that anyone can repeat it. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import type { SandboxResult } from '@assay/sandbox';

export interface ExecutedCode {
  /** Begins the names of the payloads. */
  readonly place: string;
  readonly attempt: number;
  readonly language: 'python' | 'javascript';
  readonly codeHash: string;
  readonly stdin?: string | undefined;
}

/** Appends the event and keeps claim and output. */
export function recordExecution(
  draft: ReceiptDraft,
  { claim, status, exitCode, stdout, stderr }: SandboxResult,
  { place, attempt, language, codeHash, stdin }: ExecutedCode,
): void {
  draft.append({
    type: 'code.executed',
    attempt,
    language,
    code_hash: codeHash,
    ...(stdin === undefined ? {} : { stdin_hash: draft.payload(`${place}/stdin.txt`, 'text/plain', utf8(stdin)) }),
    claim_hash: draft.payload(`${place}/claim.json`, 'application/json', utf8(canonicalJson(claim))),
    status,
    exit_code: exitCode,
    stdout_hash: draft.payload(`${place}/stdout.txt`, 'text/plain', utf8(stdout.text)),
    stderr_hash: draft.payload(`${place}/stderr.txt`, 'text/plain', utf8(stderr.text)),
    lane: claim.lane,
    isolation: claim.isolation,
    environment_hash: `sha256:${claim.environmentDigest}`,
    reproducibility: claim.reproducibility,
    image: 'slither',
  });
}
