/**
 * A bare TDX quote whose dstack event log came as an endorsement: verified as dstack evidence. Without a log it stays a TDX quote.
 * A log that does not lead to the quote's registers belongs to another machine or was cut: the verdict is then open, the log not ignored.
 */

import { parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { parseEventLog } from '../../evidence/dstack/event-log.ts';
import type { DstackEvidence } from '../../evidence/dstack/evidence-file.ts';
import { reading } from '../../evidence/reading.ts';
import type { TeeVerifier } from '../../model/verification.ts';
import { foreignCompanion, withCompanion } from '../companion-fault.ts';
import { type TdxEvidence, tdxQuoteIn, tdxVerifier } from '../dcap/tdx.ts';
import { verifyDstack } from './dstack.ts';

interface QuoteFile {
  readonly quote: TdxEvidence;
  readonly bytes: Uint8Array;
}

/** Takes the place of the TDX plug where dstack is wanted too. */
export const tdxOrDstackVerifier: TeeVerifier<QuoteFile> = {
  type: 'tdx',
  recognise(file) {
    const value = tdxQuoteIn(file);
    return value === null ? null : { type: 'tdx', value };
  },
  async verify({ value }, options) {
    const log = options.endorsements?.find(({ kind }) => kind === 'event-log');
    if (log?.kind !== 'event-log') return tdxVerifier.verify({ type: 'tdx', value: value.quote }, options);
    const events = await withCompanion('the event log', () =>
      parseEventLog(reading('dstack/event-log-malformed', 'event log', () => parseJson(log.json))),
    );
    const evidence: DstackEvidence = {
      carrier: 'tdx',
      evidence: value.bytes,
      events,
      ...{
        appCompose: null,
        certificates: [],
        mrConfig: null,
        tpm: null,
        declaredReportData: null,
        reportDataPayload: null,
        declared: {},
      },
    };
    try {
      return await verifyDstack(evidence, options, value.quote);
    } catch (error) {
      if (!AttestationError.is(error) || error.code !== 'dstack/register-mismatch') throw error;
      throw foreignCompanion('the event log', 'one that leads to the signed registers', 'another', error.details);
    }
  },
};
