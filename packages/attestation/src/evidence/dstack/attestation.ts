/**
 * dstack's versioned attestations: version 0 in SCALE, version 1 in MessagePack. Both carry platform evidence (TDX with its event
 * log, GCP TDX with a TPM quote, a Nitro or NitroTPM document, an SNP report), the runtime events, the report data and the VM's
 * configuration. Runtime events are copied beside the TDX event log; the log is the one that is used, the copies must agree.
 * Not checked here: anything but shape. Source: Dstack-TEE/dstack, dstack-attest.
 */

import { equalBytes } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { bytesOfBase64, reading } from '../reading.ts';
import { checkedEvent, type LogEvent, RUNTIME_EVENT_TYPE } from './event-log.ts';
import { decodeMessagePack, type MessagePackValue } from './message-pack.ts';
import { scaleBytes, scaleList, scaleText } from './scale.ts';

export type DstackCarrier = 'tdx' | 'gcp-tdx' | 'nitro' | 'nitro-tpm' | 'sev-snp';

export interface DstackAttestation {
  readonly carrier: DstackCarrier;
  /** Quote, document or report. */
  readonly evidence: Uint8Array;
  /** TDX: events of all registers, perhaps stripped to those of RTMR3. Others: the runtime events. */
  readonly events: readonly LogEvent[];
  /** Certificates beside an SNP report, DER; candidates only. */
  readonly certificates: readonly Uint8Array[];
  /** The document whose hash stands in an SNP report's host data; `null` for other carriers. */
  readonly mrConfig: string | null;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** GCP: the quote of the VM's TPM over the TDX quote; `null` for other carriers. */
  readonly tpm: DstackTpmQuote | null;
  /** JSON text of the VM's configuration; unmeasured unless a check says otherwise. */
  readonly config: string;
  /** What the report data commits to, version 1 pods; `null` otherwise. */
  readonly reportDataPayload: string | null;
}

export interface DstackTpmQuote {
  /** TPMS_ATTEST. */
  readonly message: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  readonly pcrs: readonly { readonly index: number; readonly bank: string; readonly value: Uint8Array }[];
  /** DER of the attestation key's certificate; a candidate only. */
  readonly certificate: Uint8Array;
}

const REPORT_DATA_LENGTH = 64;
const CARRIERS = ['tdx', 'gcp-tdx', 'nitro', 'sev-snp', 'nitro-tpm'] as const; // by SCALE discriminant

/** True when the bytes begin like a version 0 attestation of a known carrier, or like version 1. */
export function looksLikeAttestation(bytes: Uint8Array): boolean {
  const [first = -1, second = -1] = bytes;
  if (first === 0x83) return text(bytes.subarray(1, 9)) === '\xa7version' || text(bytes.subarray(1, 10)) === '\xa8platform';
  // Nitro documents, quotes and reports follow at fixed places, which tells a carrier from other files that begin with zero.
  if (first !== 0 || second >= CARRIERS.length || bytes.length < 200) return false;
  const mode = (bytes[2] ?? 3) & 3;
  const start = mode === 0 ? 3 : mode === 1 ? 4 : 6;
  const head = bytes.subarray(start, start + 4);
  switch (CARRIERS[second]) {
    case 'tdx':
    case 'gcp-tdx':
      return (head[0] === 4 || head[0] === 5) && head[1] === 0 && head[2] === 2 && head[3] === 0;
    case 'nitro':
    case 'nitro-tpm':
      return head[0] === 0x84 || head[0] === 0xd2;
    default:
      return head[1] === 0 && head[2] === 0 && head[3] === 0 && mode === 1;
  }
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * @throws {AttestationError} `dstack/attestation-malformed`, `dstack/event-log-malformed`, `dstack/carrier-unsupported`.
 * @example parseDstackAttestation(bytes).carrier // 'nitro'
 */
export function parseDstackAttestation(bytes: Uint8Array): DstackAttestation {
  return reading('dstack/attestation-malformed', 'dstack attestation', () =>
    bytes[0] === 0 ? version0(new ByteReader(bytes, 'dstack attestation')) : version1(decodeMessagePack(bytes)),
  );
}

function version0(reader: ByteReader): DstackAttestation {
  reader.skip(1);
  const carrier = CARRIERS[reader.u8()];
  if (carrier === undefined) throw malformed('expected a known carrier, got another');
  const evidence = scaleBytes(reader);
  const log = carrier === 'tdx' || carrier === 'gcp-tdx' ? scaleList(reader, tdxEvent) : null;
  const certificates = carrier === 'sev-snp' ? scaleList(reader, scaleBytes) : [];
  const mrConfig = carrier === 'sev-snp' ? scaleText(reader) : null;
  const tpm = carrier === 'gcp-tdx' ? tpmQuote(reader) : null;
  const runtime = scaleList(reader, (from, index) =>
    checkedEvent(runtimeEvent(scaleText(from), scaleBytes(from), null), index),
  );
  const reportData = reader.bytes(REPORT_DATA_LENGTH);
  const config = scaleText(reader);
  reader.end();
  return {
    ...{ carrier, evidence, certificates, mrConfig, reportData, config, tpm, reportDataPayload: null },
    events: log === null ? runtime : agreeing(log, runtime),
  };
}

function tpmQuote(reader: ByteReader): DstackTpmQuote {
  const [message, signature] = [scaleBytes(reader), scaleBytes(reader)];
  const pcrs = scaleList(reader, (from) => ({ index: from.u32le(), bank: scaleText(from), value: scaleBytes(from) }));
  const certificate = scaleBytes(reader);
  reader.skip(1); // the platform's number, which the carrier implies
  // The TPM's event log explains its PCRs; nothing here needs them explained.
  scaleList(reader, (from) => [from.u32le(), scaleBytes(from)]);
  return { message, signature, pcrs, certificate };
}

function packedTpmQuote(value: MessagePackValue | undefined): DstackTpmQuote {
  const fields = members(value, 'tpm_quote');
  const hex = (from: ReadonlyMap<string, MessagePackValue>, name: string): Uint8Array => {
    const bytes = from.get(name);
    return typeof bytes === 'string' ? decodeHex(bytes) : flexibleBytes(bytes);
  };
  const pcrs = items(fields.get('pcr_values')).map((entry) => {
    const pcr = members(entry, 'pcr');
    const index = pcr.get('index');
    if (typeof index !== 'number') throw malformed('expected a number in "index"');
    return { index, bank: textOf(pcr, 'algorithm'), value: hex(pcr, 'value') };
  });
  return {
    ...{ message: hex(fields, 'message'), signature: hex(fields, 'signature') },
    ...{ pcrs, certificate: hex(fields, 'ak_cert') },
  };
}

function tdxEvent(reader: ByteReader, index: number): LogEvent {
  const [imr, type] = [reader.u32le(), reader.u32le()];
  const digest = scaleBytes(reader);
  const name = scaleText(reader);
  const payload = scaleBytes(reader);
  const event = { imr, type, digest: digest.length === 0 ? null : digest, name, payload, version: null, preimage: null };
  return checkedEvent(event, index);
}

function runtimeEvent(name: string, payload: Uint8Array, version: 1 | 2 | null): LogEvent {
  return { imr: 3, type: RUNTIME_EVENT_TYPE, digest: null, name, payload, version, preimage: null };
}

/** The runtime events are written twice; a file whose copies differ says two things. The copy may lack what the log lacks. */
function agreeing(log: readonly LogEvent[], copy: readonly LogEvent[]): readonly LogEvent[] {
  const own = log.filter(({ imr }) => imr === 3);
  const same =
    own.length === copy.length &&
    own.every((event, index) => event.name === copy[index]?.name && equalBytes(event.payload, copy[index].payload));
  if (!same) throw malformed('expected the runtime events to agree with the event log, got two different lists');
  return log.map((event) => {
    const twin = event.imr === 3 && event.version === null ? copy[own.indexOf(event)] : undefined;
    return twin?.version === undefined ? event : { ...event, version: twin.version };
  });
}

function version1(value: MessagePackValue): DstackAttestation {
  const root = members(value, 'attestation');
  if (root.get('version') !== 1) throw malformed('expected version 1, got another');
  const platform = members(root.get('platform'), 'platform');
  const stack = members(root.get('stack'), 'stack');
  const evidence = members(platform.get('data'), 'platform.data');
  const context = members(stack.get('data'), 'stack.data');
  const runtime = items(context.get('runtime_events')).map((event, index) => {
    const fields = members(event, 'event');
    const version = fields.get('version');
    const declared = version === 2 || version === 'V2' ? 2 : null;
    return checkedEvent(runtimeEvent(textOf(fields, 'event'), flexibleBytes(fields.get('payload')), declared), index);
  });
  const reportData = bytesOf(context, 'report_data');
  if (reportData.length !== REPORT_DATA_LENGTH) throw malformed(`expected 64 bytes of report data, got ${reportData.length}`);
  const payload = context.get('report_data_payload');
  const shared = {
    reportData,
    config: textOf(context, 'config'),
    reportDataPayload: typeof payload === 'string' ? payload : null,
    certificates: [],
    mrConfig: null,
    tpm: null,
    events: runtime,
  };
  switch (platform.get('kind')) {
    case 'tdx': {
      const log = items(evidence.get('event_log')).map(packedTdxEvent);
      return { ...shared, carrier: 'tdx', evidence: bytesOf(evidence, 'quote'), events: agreeing(log, runtime) };
    }
    case 'gcp-tdx': {
      const log = items(evidence.get('event_log')).map(packedTdxEvent);
      const tpm = packedTpmQuote(evidence.get('tpm_quote'));
      return { ...shared, carrier: 'gcp-tdx', evidence: bytesOf(evidence, 'quote'), events: agreeing(log, runtime), tpm };
    }
    case 'nitro-enclave':
      return { ...shared, carrier: 'nitro', evidence: bytesOf(evidence, 'nsm_quote') };
    case 'aws-nitro-tpm':
      return { ...shared, carrier: 'nitro-tpm', evidence: bytesOf(evidence, 'attestation_doc') };
    case 'sev-snp':
      return {
        ...shared,
        carrier: 'sev-snp',
        evidence: bytesOf(evidence, 'report'),
        certificates: items(evidence.get('cert_chain')).map(flexibleBytes),
        mrConfig: textOf(evidence, 'mr_config'),
      };
    default:
      throw unsupported(platform.get('kind'));
  }
}

function packedTdxEvent(value: MessagePackValue, index: number): LogEvent {
  const fields = members(value, 'event');
  const [imr, type] = [fields.get('imr'), fields.get('event_type')];
  if (typeof imr !== 'number' || typeof type !== 'number') throw malformed('expected numbers in "imr" and "event_type"');
  const digest = flexibleBytes(fields.get('digest') ?? new Uint8Array(0));
  const version = fields.get('version');
  return checkedEvent(
    {
      ...{ imr, type, name: textOf(fields, 'event'), payload: flexibleBytes(fields.get('event_payload')), preimage: null },
      digest: digest.length === 0 ? null : digest,
      version: version === 2 || version === 'V2' ? 2 : null,
    },
    index,
  );
}

function members(value: MessagePackValue | undefined, what: string): ReadonlyMap<string, MessagePackValue> {
  if (value instanceof Map) return value;
  throw malformed(`expected a map in ${what}, got something else`);
}

function items(value: MessagePackValue | undefined): readonly MessagePackValue[] {
  if (Array.isArray(value)) return value;
  throw malformed('expected a list, got something else');
}

function textOf(from: ReadonlyMap<string, MessagePackValue>, name: string): string {
  const value = from.get(name);
  if (typeof value !== 'string') throw malformed(`expected text in "${name}", got something else`);
  return value;
}

function bytesOf(from: ReadonlyMap<string, MessagePackValue>, name: string): Uint8Array {
  return flexibleBytes(from.get(name));
}

/** Rust writers put bytes down as bytes, as a list of numbers, or as base64 text. */
function flexibleBytes(value: MessagePackValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value) && value.every((byte) => typeof byte === 'number' && byte < 256)) {
    return Uint8Array.from(value as readonly number[]);
  }
  const decoded = typeof value === 'string' ? (value === '' ? new Uint8Array(0) : bytesOfBase64(value)) : null;
  if (decoded === null) throw malformed('expected bytes, got something else');
  return decoded;
}

function malformed(message: string): AttestationError {
  return new AttestationError('dstack/attestation-malformed', message);
}

function unsupported(kind: MessagePackValue | undefined): AttestationError {
  return new AttestationError(
    'dstack/carrier-unsupported',
    `expected platform tdx, gcp-tdx, nitro-enclave, aws-nitro-tpm or sev-snp, got ${JSON.stringify(kind)?.slice(0, 40)}; verify its parts one by one`,
  );
}
