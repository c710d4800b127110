/** Verifies a file of transcripts (spec/transcripts.md): its bundle, then what the file says beyond the receipts, then each session's attestation. */

import { formatInstant, pass } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { ModelError, verifyTranscripts } from '@assay/models';
import { digestJson } from '@assay/receipt';
import { openBundle, openedVerdict } from './bundle.ts';
import type { ResolvedOptions } from './options.ts';
import { openReport } from './report.ts';
import { type BundleVerdict, failedVerdict } from './verdict.ts';

const SPEC = 'spec/transcripts.md';

/** The verdict on the bundle inside, with the checks of the file around it. */
export async function transcriptsVerdict(file: JsonObject, options: ResolvedOptions): Promise<BundleVerdict> {
  try {
    const opened = await openBundle(utf8(canonicalJson(file.assay_bundle ?? null)), options);
    const { receipts, evidence } = opened.bundle;
    const { sessions, transcripts } = verifyTranscripts(
      file,
      receipts.map(({ receipt, index }) => ({
        ...{ id: receipt.receipt_id, digest: digestJson(receipt), signature: receipt.signature, servedAt: receipt.served_at },
        ...{ endpoint: receipt.endpoint, method: receipt.method, events: receipt.event_log, index },
      })),
    );
    const time = Math.min(...receipts.map((receipt) => receipt.time));
    for (const { report, reportNonce } of sessions) {
      const { report: attested } = await openReport(report, { ...options, expected: { nonce: reportNonce } }, time);
      if (!evidence.some(({ report: known }) => known.keysetDigest === attested.keysetDigest))
        throw new ModelError(
          'transcripts/substituted',
          'expected an attestation of the keyset that signed the transcripts, got another one; do not rely on the file',
        );
    }
    const verdict = openedVerdict(opened, options);
    const models = [...new Set(sessions.map(({ providerType, modelName }) => `${modelName} at ${providerType}`))].join(', ');
    const own = [
      pass('transcripts.complete', SPEC, `${transcripts} in ${sessions.length} sessions, none left out or moved`),
      pass('transcripts.bound', SPEC, `each names its attestation and ${models}`),
      pass('transcripts.attested', SPEC, `attestations answer their nonces, as of ${formatInstant(time)}`),
    ];
    return { ...verdict, checks: [...own, ...verdict.checks] };
  } catch (error) {
    return failedVerdict('bundle', error, options.now);
  }
}
