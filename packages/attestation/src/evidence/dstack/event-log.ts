/**
 * dstack event logs: what was measured into RTMR0 to RTMR3, in order. The digest of a runtime event (RTMR3) is a function of its
 * name and payload and is always recomputed; a digest that came along is only compared. dstack events version 1 and 2:
 *   V1  SHA384(type as 4 bytes little-endian ‖ ":" ‖ name ‖ ":" ‖ payload)
 *   V2  SHA384(JCS {"name","payload" (hex),"type"})
 * Not checked here: whether the log is the quote's (verifier/dstack). Source: Dstack-TEE/dstack, cc-eventlog.
 */

import { bufferSource, concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';

/** Type of every event that dstack and its applications extend into RTMR3. */
export const RUNTIME_EVENT_TYPE = 0x08000001;
export const RTMR_COUNT = 4;
const DIGEST_LENGTH = 48; // bytes, SHA-384
const MAX_EVENTS = 4096; // a real log has about 30; work is bounded before anything is authenticated

export interface LogEvent {
  /** Register, 0 to 3. */
  readonly imr: number;
  readonly type: number;
  /** 48 bytes as supplied; `null` when left empty, as newer guests do. */
  readonly digest: Uint8Array | null;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Version the log declares; `null` when it does not. */
  readonly version: 1 | 2 | null;
  /** What the log says was hashed, version 2; `null` when it does not say. */
  readonly preimage: Uint8Array | null;
}

/**
 * Events of a parsed or textual JSON log: a list of `{imr, event_type, digest, event, event_payload[, version, preimage]}`.
 * @throws {AttestationError} `dstack/event-log-malformed`.
 */
export function parseEventLog(log: Json): readonly LogEvent[] {
  const list = typeof log === 'string' ? reading('dstack/event-log-malformed', 'event log', () => parseJson(log)) : log;
  if (!Array.isArray(list)) throw malformed('expected a list of events, got something else');
  if (list.length > MAX_EVENTS) throw malformed(`expected at most ${MAX_EVENTS} events, got ${list.length}`);
  return (list as readonly Json[]).map((event, index) =>
    reading('dstack/event-log-malformed', `event ${index}`, () => eventOf(event, index)),
  );
}

function eventOf(event: Json, index: number): LogEvent {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    throw malformed(`expected event ${index} as an object`);
  const { imr, event_type: type, event: name, event_payload: payload, digest, version, preimage } = event as JsonObject;
  if (typeof name !== 'string' || typeof payload !== 'string') {
    throw malformed(`expected text in "event" and "event_payload" of event ${index}`);
  }
  return checkedEvent(
    {
      imr: integer(imr, 'imr', index),
      type: integer(type, 'event_type', index),
      digest: typeof digest === 'string' && digest !== '' ? decodeHex(digest) : null,
      name,
      payload: decodeHex(payload),
      version: version === undefined || version === null ? null : declaredVersion(version, index),
      preimage: typeof preimage === 'string' && preimage !== '' ? preimageBytes(preimage) : null,
    },
    index,
  );
}

/** Older and newer guests write the preimage as text or as hex of it. */
function preimageBytes(text: string): Uint8Array {
  return text.startsWith('{') ? utf8(text) : decodeHex(text);
}

/**
 * Refuses events that no dstack guest writes: registers beyond RTMR3, digests of another length, runtime events outside RTMR3 and
 * other events in it.
 * @throws {AttestationError} `dstack/event-log-malformed`.
 */
export function checkedEvent(event: LogEvent, index: number): LogEvent {
  if (event.imr >= RTMR_COUNT) throw malformed(`expected registers 0 to 3, got ${event.imr} in event ${index}`);
  if (event.digest !== null && event.digest.length !== DIGEST_LENGTH) {
    throw malformed(`expected a digest of ${DIGEST_LENGTH} bytes, got ${event.digest.length} in event ${index}`);
  }
  const runtime = event.type === RUNTIME_EVENT_TYPE;
  if (runtime !== (event.imr === 3)) {
    throw malformed(`expected runtime events in register 3 and nowhere else, got type ${event.type} in register ${event.imr}`);
  }
  if (!runtime && event.digest === null) throw malformed(`expected a digest in event ${index}, got none`);
  return event;
}

/** The log with the digest each event really has. */
export interface DigestedEvent {
  readonly event: LogEvent;
  readonly digest: Uint8Array;
}

/**
 * Digests to extend, runtime events recomputed.
 * @throws {AttestationError} `dstack/event-digest-mismatch` when a supplied digest or preimage is not the event's own.
 */
export async function digestEvents(events: readonly LogEvent[]): Promise<readonly DigestedEvent[]> {
  const digested: DigestedEvent[] = [];
  for (const event of events) digested.push({ event, digest: await digestOf(event) });
  return digested;
}

/**
 * What was hashed for each runtime event, in order; for registers of another hash than SHA-384.
 * @throws {AttestationError} `dstack/event-digest-mismatch`.
 */
export async function runtimePreimages(events: readonly LogEvent[]): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const event of events) if (event.type === RUNTIME_EVENT_TYPE) found.push((await messageOf(event)).message);
  return found;
}

async function digestOf(event: LogEvent): Promise<Uint8Array> {
  return event.type === RUNTIME_EVENT_TYPE ? (await messageOf(event)).digest : (event.digest as Uint8Array);
}

/** The preimage of a runtime event and its SHA-384, the only ones that agree with what the log says of both. */
async function messageOf(event: LogEvent): Promise<{ readonly message: Uint8Array; readonly digest: Uint8Array }> {
  const { digest, version, preimage, name, payload } = event;
  const versions = version === null ? ([1, 2] as const) : ([version] as const);
  for (const candidate of versions) {
    const message = candidate === 1 ? preimageV1(name, payload) : preimageV2(name, payload);
    const computed = await sha384(message);
    const saysOther =
      (digest !== null && !equalBytes(digest, computed)) || (preimage !== null && !equalBytes(preimage, message));
    if (!saysOther) return { message, digest: computed };
  }
  throw new AttestationError(
    'dstack/event-digest-mismatch',
    `expected the digest of event ${JSON.stringify(name)} to follow from its name and payload, got another; the log was changed`,
  );
}

function preimageV1(name: string, payload: Uint8Array): Uint8Array {
  const type = new Uint8Array(4);
  new DataView(type.buffer).setUint32(0, RUNTIME_EVENT_TYPE, true);
  return concatBytes(type, utf8(`:${name}:`), payload);
}

function preimageV2(name: string, payload: Uint8Array): Uint8Array {
  return utf8(canonicalJson({ name, payload: encodeHex(payload), type: RUNTIME_EVENT_TYPE }));
}

/** Register value after extending every event of `imr` in order: SHA384(register ‖ digest), from 48 zero bytes. */
export async function replayRegister(events: readonly DigestedEvent[], imr: number): Promise<Uint8Array> {
  let register: Uint8Array = new Uint8Array(DIGEST_LENGTH);
  for (const { event, digest } of events) if (event.imr === imr) register = await sha384(concatBytes(register, digest));
  return register;
}

/** SHA-384. */
export async function sha384(message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-384', bufferSource(message)));
}

function integer(value: Json | undefined, name: string, index: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw malformed(`expected a 32-bit number in "${name}" of event ${index}`);
}

function declaredVersion(value: Json, index: number): 1 | 2 {
  if (value === 1 || value === 2) return value;
  throw malformed(`expected event version 1 or 2, got another in event ${index}`);
}

function malformed(message: string): AttestationError {
  return new AttestationError('dstack/event-log-malformed', message);
}
