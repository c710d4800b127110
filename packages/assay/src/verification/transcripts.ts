/** Verifies a file of transcripts (spec/transcripts.md): its bundle, then what the file says beyond the receipts, then each session's attestation. */

import { type Check, formatInstant, notChecked, pass } from '@assay/attestation';
import { isJsonObject, type JsonObject } from '@assay/encoding/json';
import { ModelError, type TranscriptsSummary, verifyTranscripts } from '@assay/models';
import type { BundleVerifier, OpenedBundle } from './bundle.ts';
import type { ResolvedOptions } from './options.ts';
import { openReport } from './report.ts';
import { type BundleVerdict, failedVerdict } from './verdict.ts';

const SPEC = 'spec/transcripts.md';

/** The verdict on the bundle inside, with the checks of the file around it. */
export async function transcriptsVerdict(
  file: JsonObject,
  options: ResolvedOptions,
  { openBundle, openedVerdict }: BundleVerifier,
): Promise<BundleVerdict> {
  try {
    const opened = await openBundle(isJsonObject(file.assay_bundle) ? file.assay_bundle : {}, options);
    const { receipts } = opened.bundle;
    const summary = verifyTranscripts(
      file,
      receipts.map(({ receipt, digest, index }) => ({
        ...{ id: receipt.receipt_id, digest, signature: receipt.signature, servedAt: receipt.served_at },
        ...{ endpoint: receipt.endpoint, method: receipt.method, events: receipt.event_log, index },
      })),
    );
    const own = [...summaryChecks(summary), await attestedCheck(summary, opened, options)];
    const verdict = openedVerdict(opened, options);
    return { ...verdict, checks: [...own, ...verdict.checks] };
  } catch (error) {
    return failedVerdict('bundle', error, options.now);
  }
}

/** Each from what its step of the verification counted. @example summaryChecks(verifyTranscripts(file, receipts)) */
export function summaryChecks({ sessions, transcripts, compared }: TranscriptsSummary): readonly Check[] {
  const models = [...new Set(sessions.map(({ providerType, modelName }) => `${modelName} at ${providerType}`))].join(', ');
  return [
    pass('transcripts.complete', SPEC, `${transcripts} in ${sessions.length} sessions, none left out or moved`),
    compared === transcripts
      ? pass('transcripts.bound', SPEC, `each names its attestation and ${models}`)
      : notChecked('transcripts.bound', SPEC, `${compared} of ${transcripts} were compared with their receipts`),
  ];
}

/** The attestation of every session is that of a keyset of the bundle, and answers its nonce. */
async function attestedCheck(
  { sessions }: TranscriptsSummary,
  { bundle }: OpenedBundle,
  options: ResolvedOptions,
): Promise<Check> {
  const time = Math.min(...bundle.receipts.map((receipt) => receipt.time));
  for (const { report, reportNonce } of sessions) {
    const opened = await openReport(report, { ...options, expected: { nonce: reportNonce } }, time);
    if (!bundle.evidence.some(({ report: known }) => known.keysetDigest === opened.report.keysetDigest))
      throw new ModelError(
        'transcripts/substituted',
        'expected an attestation of the keyset that signed the transcripts, got another one; do not rely on the file',
      );
  }
  return pass('transcripts.attested', SPEC, `attestations answer their nonces, as of ${formatInstant(time)}`);
}
