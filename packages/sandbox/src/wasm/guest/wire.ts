/**
 * The guest's end of the pipes, and the only code that can write to the host. User code shares this realm, so everything used
 * here is taken before the code runs: replaced prototypes and globals change nothing. No function of this file is ever put where
 * user code can reach it.
 *
 * Everything is synchronous: a guest either computes or waits for the host, so results never depend on how fast the host answers.
 */

import { byteLength, methodOf } from '../../../runners/javascript/engine.mjs';
import { DEFAULT_FRAME_BOUNDS, type Frame } from '../../frames.ts';

/** The few members of deno's global that guests use. */
export interface DenoApi {
  readonly args: readonly string[];
  readonly stdin: { readSync(buffer: Uint8Array): number | null };
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  readonly internal: symbol;
  readonly permissions: { revokeSync(descriptor: { readonly name: string }): unknown };
  exit(code: number): never;
  readFileSync(path: string | URL): Uint8Array;
  inspect(value: unknown, options?: object): string;
}

export const deno: DenoApi = (globalThis as unknown as { readonly Deno: DenoApi }).Deno;

const typedArray = Reflect.getPrototypeOf(Uint8Array.prototype) as object;
const copyInto = methodOf<void>(typedArray, 'set');
const part = methodOf<Uint8Array>(typedArray, 'subarray');
const encodeText = methodOf<Uint8Array>(TextEncoder.prototype, 'encode');
const decodeText = methodOf<string>(TextDecoder.prototype, 'decode');
const { parse, stringify } = JSON;
const Bytes = Uint8Array;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const readSync = deno.stdin.readSync.bind(deno.stdin);
const writeSync = deno.stdout.writeSync.bind(deno.stdout);

/** Ends the process at once. */
export const exit: (code: number) => never = deno.exit.bind(deno) as never;

const MINIMUM = 5;
const EMPTY = new Bytes(0);

function put32(bytes: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4; index += 1) bytes[at + index] = (value >>> (24 - 8 * index)) & 255;
}

function get32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = 0; index < 4; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

/**
 * Writes one frame, whole.
 *
 * @param head needs a `null` prototype wherever it has one, so that no `toJSON` of user code is asked
 */
export function send(type: number, head: Readonly<Record<string, unknown>> | null, body: Uint8Array = EMPTY): void {
  const headBytes = head === null ? EMPTY : encodeText(encoder, stringify(head));
  const headLength = byteLength(headBytes);
  const bodyLength = byteLength(body);
  const total = 9 + headLength + bodyLength;
  const frame = new Bytes(total);
  put32(frame, 0, total - 4);
  frame[4] = type;
  put32(frame, 5, headLength);
  copyInto(frame, headBytes, 9);
  copyInto(frame, body, 9 + headLength);
  for (let at = 0; at < total; ) at += writeSync(part(frame, at));
}

function readExactly(count: number): Uint8Array {
  const bytes = new Bytes(count);
  for (let at = 0; at < count; ) {
    const got = readSync(part(bytes, at));
    // The host closing the pipe ends the guest.
    if (got === null) exit(0);
    at += got ?? 0;
  }
  return bytes;
}

/** Waits for the next frame from the host. */
export function receive(): Frame {
  const length = get32(readExactly(4), 0);
  if (length < MINIMUM || length > DEFAULT_FRAME_BOUNDS.maxFrameBytes) exit(70);
  const bytes = readExactly(length);
  const headLength = get32(bytes, 1);
  const head = headLength === 0 ? {} : (parse(decodeText(decoder, part(bytes, 5, 5 + headLength))) as Frame['head']);
  return { type: bytes[0] ?? 0, head, body: part(bytes, 5 + headLength) };
}

/** A copy of flat members without a prototype, for {@link send}. */
export function plain<Members extends object>(members: Members): Members & Readonly<Record<string, unknown>> {
  return { __proto__: null, ...members } as never;
}
