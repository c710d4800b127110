/**
 * The guest's end of the pipes. Everything is synchronous, so a guest is always either computing or waiting for the host, and
 * what it does never depends on how fast the host answers. Runs in deno with no permission but reading the runtime's own files.
 */

import { encodeFrame, type Frame, FrameReader } from '../../frames.ts';

/** The few members of deno's global that guests use. */
export interface DenoApi {
  readonly args: readonly string[];
  readonly stdin: { readSync(buffer: Uint8Array): number | null };
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  readonly internal: symbol;
  exit(code: number): never;
  readFileSync(path: string | URL): Uint8Array;
  inspect(value: unknown, options?: object): string;
}

/** Taken before the code could replace it. */
export const deno: DenoApi = (globalThis as unknown as { readonly Deno: DenoApi }).Deno;

const { stdin, stdout } = deno;
const readSync = stdin.readSync.bind(stdin);
const writeSync = stdout.writeSync.bind(stdout);
const reader = new FrameReader();
const waiting: Frame[] = [];
const chunk = new Uint8Array(64 * 1024);

/** Writes one frame, whole. */
export function send(type: number, head: Readonly<Record<string, unknown>> | null, body?: Uint8Array): void {
  const frame = encodeFrame(type, head, body);
  for (let at = 0; at < frame.length; ) at += writeSync(frame.subarray(at));
}

/** Waits for the next frame from the host. The host closing the pipe ends the guest. */
export function receive(): Frame {
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) return next;
    const count = readSync(chunk);
    if (count === null) deno.exit(0);
    waiting.push(...reader.push(chunk.slice(0, count)));
  }
}
