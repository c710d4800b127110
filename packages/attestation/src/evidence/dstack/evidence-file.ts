/**
 * How dstack evidence lies in files:
 * - JSON `{quote, event_log[, report_data, vm_config, hash_algorithm, prefix]}` (GetQuote, TdxQuote), `{attestation}` (Attest),
 *   either beside `tcb_info` or `info`; strings hold JSON as often as objects do, and both are read;
 * - versioned attestations in binary, hex or base64.
 * Not checked here: anything but shape.
 */

import { firstCharacter, utf8 } from '@assay/encoding/bytes';
import type { Json, JsonObject } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { bytesOfText, jsonIn } from '../reading.ts';
import { type DstackCarrier, type DstackTpmQuote, looksLikeAttestation, parseDstackAttestation } from './attestation.ts';
import { type LogEvent, parseEventLog } from './event-log.ts';

export interface DstackEvidence {
  readonly carrier: DstackCarrier;
  readonly evidence: Uint8Array;
  /** `null` when the file carries no event log. */
  readonly events: readonly LogEvent[] | null;
  /** Exact bytes of app-compose.json, when the file carries them. */
  readonly appCompose: Uint8Array | null;
  readonly certificates: readonly Uint8Array[];
  readonly mrConfig: string | null;
  /** GCP: the quote of the VM's TPM; `null` for other carriers. */
  readonly tpm: DstackTpmQuote | null;
  /** What the file says the report data is; `null` when it does not say. */
  readonly declaredReportData: Uint8Array | null;
  readonly reportDataPayload: string | null;
  /** What the file says about itself beside the evidence, e.g. `compose_hash`, `os_image_hash`: never believed, only compared. */
  readonly declared: Readonly<Record<string, string>>;
}

/** Names whose value the evidence itself tells. */
const DECLARED = [
  'mrtd',
  'rtmr0',
  'rtmr1',
  'rtmr2',
  'rtmr3',
  'compose_hash',
  'os_image_hash',
  'app_id',
  'instance_id',
  'mr_aggregated',
] as const;

/**
 * dstack evidence in `file`, or `null` when it holds something else.
 * @throws {AttestationError} `dstack/attestation-malformed`, `dstack/event-log-malformed`, `dstack/carrier-unsupported`.
 */
export function dstackEvidenceOf(file: Uint8Array): DstackEvidence | null {
  if (looksLikeAttestation(file)) return fromAttestation(file);
  const first = firstCharacter(file);
  if (first === 0x7b) {
    const json = jsonOf(file);
    return json === null ? null : dstackEvidenceOfJson(json);
  }
  const bytes = bytesOfText(file);
  return bytes !== null && looksLikeAttestation(bytes) ? fromAttestation(bytes) : null;
}

/** The same for JSON that is parsed already, e.g. a node of a combined report. */
export function dstackEvidenceOfJson(json: Json): DstackEvidence | null {
  if (!isObject(json)) return null;
  if (typeof json.attestation === 'string' && json.quote === undefined) {
    const bytes = bytesOfText(utf8(json.attestation));
    return bytes !== null && looksLikeAttestation(bytes) ? fromAttestation(bytes) : null;
  }
  const tcbInfo = objectOf(json.tcb_info) ?? objectOf(objectOf(json.info)?.tcb_info);
  const { quote } = json;
  const log = json.event_log ?? tcbInfo?.event_log;
  if (typeof quote !== 'string' || log === undefined) return null;
  return quoteWithLog({ quote, log, beside: [json, objectOf(json.info), tcbInfo] });
}

export interface QuoteWithLog {
  /** Hex or base64 of a TDX quote. */
  readonly quote: string;
  /** The event log, parsed or as JSON text; `undefined` when there is none. */
  readonly log: Json | undefined;
  /** Objects in which `app_compose`, `report_data` and other names may stand, in this order. */
  readonly beside: readonly (JsonObject | null)[];
}

/**
 * Evidence of a TDX quote as text with what came along.
 * @throws {AttestationError} `dstack/attestation-malformed`, `dstack/event-log-malformed`.
 */
export function quoteWithLog({ quote, log, beside }: QuoteWithLog): DstackEvidence {
  const evidence = bytesOfText(utf8(quote));
  if (evidence === null) throw malformed('expected the quote in hex or base64, got other text');
  const find = (name: string): string | null => {
    const values = beside.map((object) => object?.[name]).filter((value) => typeof value === 'string' && value !== '');
    return (values[0] as string | undefined) ?? null;
  };
  const compose = find('app_compose');
  const reportData = find('report_data');
  return {
    carrier: 'tdx',
    evidence,
    events: log === undefined || log === '' ? null : parseEventLog(log),
    appCompose: compose === null ? null : utf8(compose),
    certificates: [],
    mrConfig: null,
    tpm: null,
    declaredReportData: reportData === null ? null : bytesOfText(utf8(reportData)),
    reportDataPayload: null,
    declared: Object.fromEntries(
      DECLARED.flatMap((name) => {
        const value = find(name);
        return value === null ? [] : [[name, value.toLowerCase()]];
      }),
    ),
  };
}

function fromAttestation(bytes: Uint8Array): DstackEvidence {
  const { carrier, evidence, events, certificates, mrConfig, tpm, reportData, reportDataPayload } =
    parseDstackAttestation(bytes);
  return {
    ...{ carrier, evidence, events, certificates, mrConfig, tpm, reportDataPayload },
    appCompose: null,
    declaredReportData: reportData,
    declared: {},
  };
}

/** An object, or one written as JSON text inside a string; `null` for anything else. */
export function objectOf(value: Json | undefined): JsonObject | null {
  if (typeof value === 'string' && value.trimStart().startsWith('{')) {
    const parsed = jsonOf(utf8(value));
    return isObject(parsed) ? parsed : null;
  }
  return isObject(value) ? value : null;
}

function jsonOf(bytes: Uint8Array): Json {
  return jsonIn(bytes) ?? null;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('dstack/attestation-malformed', message);
}
