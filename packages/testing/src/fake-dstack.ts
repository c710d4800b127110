/** dstack evidence over a fake TDX quote (or Nitro document, or SNP report): event log, compose file, versioned forms; sound or with one defect. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type FakeDcap, type FakeDcapOptions, fakeDcap } from '@assay/simulator';

export interface FakeEvent {
  readonly imr: number;
  readonly event_type: number;
  /** Hex; empty as newer guests leave it. */
  readonly digest: string;
  readonly event: string;
  /** Hex. */
  readonly event_payload: string;
  readonly version?: number;
  readonly preimage?: string;
}

export interface FakeDstackOptions {
  /** Changes the log before it is measured. */
  readonly measured?: (log: FakeEvent[]) => FakeEvent[];
  /** Changes the log after it was measured. */
  readonly shown?: (log: FakeEvent[]) => FakeEvent[];
  readonly compose?: string;
  /** Replaces MRCONFIGID, 48 bytes. */
  readonly configId?: Uint8Array;
  /** 64 bytes. */
  readonly reportData?: Uint8Array;
  readonly dcap?: FakeDcapOptions;
}

export interface FakeDstack extends FakeDcap {
  /** The shape of GetQuote. */
  readonly document: Readonly<Record<string, unknown>> & { readonly quote: string; readonly event_log: string };
  readonly compose: string;
  readonly log: readonly FakeEvent[];
}

export const RUNTIME_TYPE = 0x08000001;
const COMPOSE = '{"manifest_version":2,"name":"fake","runner":"docker-compose","docker_compose_file":"services: {}"}';

/** A runtime event with its version 1 digest. */
export function runtimeEvent(event: string, payload: Uint8Array | string): FakeEvent {
  const bytes = typeof payload === 'string' ? utf8(payload) : payload;
  const type = Uint8Array.of(1, 0, 0, 8);
  return {
    ...{ imr: 3, event_type: RUNTIME_TYPE, event, event_payload: encodeHex(bytes) },
    digest: encodeHex(sha384(concatBytes(type, utf8(`:${event}:`), bytes))),
  };
}

/** GetQuote's answer of a fake guest, its log measured into the quote. */
export async function fakeDstack(options: FakeDstackOptions = {}): Promise<FakeDstack> {
  const { compose = COMPOSE, reportData, dcap = {} } = options;
  const composeHash = createHash('sha256').update(compose).digest();
  const boot = (imr: number, fill: number): FakeEvent => ({
    ...{ imr, event_type: 4, event: '', event_payload: '00000000' },
    digest: encodeHex(new Uint8Array(48).fill(fill)),
  });
  const base = [
    ...[boot(0, 1), boot(0, 2), boot(1, 3), boot(2, 4)],
    runtimeEvent('system-preparing', ''),
    runtimeEvent('app-id', composeHash.subarray(0, 20)),
    runtimeEvent('compose-hash', composeHash),
    runtimeEvent('instance-id', new Uint8Array(20).fill(0x1d)),
    runtimeEvent('boot-mr-done', ''),
    runtimeEvent('os-image-hash', new Uint8Array(32).fill(0x05)),
    runtimeEvent('key-provider', '{"name":"kms","id":"0102"}'),
    runtimeEvent('storage-fs', 'zfs'),
    runtimeEvent('system-ready', ''),
  ];
  const measured = options.measured?.(base) ?? base;
  const registers = [0, 1, 2, 3].map((imr) => replay(measured.filter((event) => event.imr === imr)));
  const fake = await fakeDcap({
    ...dcap,
    body(body) {
      for (const [index, register] of registers.entries()) body.set(register, 328 + 48 * index);
      body.set(options.configId ?? concatBytes(Uint8Array.of(1), composeHash, new Uint8Array(15)), 184);
      if (reportData !== undefined) body.set(reportData, 520);
      dcap.body?.(body);
    },
  });
  const log = options.shown?.([...measured]) ?? measured;
  const document = { quote: encodeHex(fake.quote), event_log: JSON.stringify(log), vm_config: '{}' };
  return { ...fake, document, compose, log };
}

/** Register after extending all of `events`; their digests are taken as they stand, empty ones recomputed as version 1. */
export function replay(events: readonly FakeEvent[]): Uint8Array {
  return events.reduce<Uint8Array>((register, { digest, event, event_payload }) => {
    const value = digest === '' ? runtimeEvent(event, Uint8Array.from(Buffer.from(event_payload, 'hex'))).digest : digest;
    return sha384(concatBytes(register, Uint8Array.from(Buffer.from(value, 'hex'))));
  }, new Uint8Array(48));
}

function sha384(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(bytes).digest());
}

/** SCALE compact length. */
function compact(length: number): Uint8Array {
  if (length < 64) return Uint8Array.of(length << 2);
  if (length < 16_384) return Uint8Array.of(((length << 2) | 1) & 0xff, length >> 6);
  const value = length * 4 + 2;
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff);
}

function vector(bytes: Uint8Array): Uint8Array {
  return concatBytes(compact(bytes.length), bytes);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}

export interface FakeAttestationOptions {
  /** What follows the carrier's number: `vector(...)` parts, built by {@link scaleVector}. */
  readonly carrier: number;
  readonly body: Uint8Array;
  readonly events: readonly FakeEvent[];
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  readonly config?: string;
}

/** A version 0 attestation in SCALE. */
export function fakeAttestation({ carrier, body, events, reportData, config = '{}' }: FakeAttestationOptions): Uint8Array {
  const runtime = events.map(({ event, event_payload }) =>
    concatBytes(vector(utf8(event)), vector(Uint8Array.from(Buffer.from(event_payload, 'hex')))),
  );
  return concatBytes(
    Uint8Array.of(0, carrier),
    body,
    concatBytes(compact(runtime.length), ...runtime),
    reportData,
    vector(utf8(config)),
  );
}

/** A byte vector in SCALE. */
export const scaleVector: (bytes: Uint8Array) => Uint8Array = vector;

/** TDX event log in SCALE. */
export function scaleLog(events: readonly FakeEvent[]): Uint8Array {
  const encoded = events.map(({ imr, event_type, digest, event, event_payload }) =>
    concatBytes(
      u32(imr),
      u32(event_type),
      vector(Uint8Array.from(Buffer.from(digest, 'hex'))),
      vector(utf8(event)),
      vector(Uint8Array.from(Buffer.from(event_payload, 'hex'))),
    ),
  );
  return concatBytes(compact(encoded.length), ...encoded);
}
