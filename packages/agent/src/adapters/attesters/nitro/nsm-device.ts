/**
 * Runs in a deno child, because Node has no ioctl: takes one request on standard input, hands it to the Nitro Secure Module and
 * writes the response to standard output. Kernel interface: include/uapi/linux/nsm.h (`NSM_IOCTL_RAW`), two pairs of 64-bit
 * address and length; the kernel writes back the length of the response.
 *
 * Arguments: the device and the C library, for tests. Imports nothing, so that this file runs by itself.
 */

interface DenoFfi {
  readonly args: readonly string[];
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  exit(code: number): never;
  dlopen(library: string, symbols: object): { readonly symbols: Readonly<Record<string, (...values: unknown[]) => number>> };
  readonly UnsafePointer: { of(bytes: Uint8Array): object; value(pointer: object): bigint };
}
declare const Deno: DenoFfi;

const NSM_IOCTL_RAW = 0xc0200a00n; // _IOWR(0x0a, 0, 32 bytes)
const MAX_REQUEST = 0x1000; // bytes
const MAX_RESPONSE = 0x3000; // bytes
const O_RDWR = 2;

const [device = '/dev/nsm', library = 'libc.so.6'] = Deno.args;
const chunks: Uint8Array[] = [];
for await (const chunk of Deno.stdin.readable) chunks.push(chunk);
const request = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
let filled = 0;
for (const chunk of chunks) {
  request.set(chunk, filled);
  filled += chunk.length;
}
if (request.length === 0 || request.length > MAX_REQUEST) Deno.exit(2);

const { symbols } = Deno.dlopen(library, {
  open: { parameters: ['buffer', 'i32'], result: 'i32' },
  ioctl: { parameters: ['i32', 'u64', 'buffer'], result: 'i32' },
});
const descriptor = symbols.open?.(new TextEncoder().encode(`${device}\0`), O_RDWR) ?? -1;
if (descriptor < 0) Deno.exit(3);
const response = new Uint8Array(MAX_RESPONSE);
const message = new Uint8Array(32);
const view = new DataView(message.buffer);
const addressOf = (bytes: Uint8Array): bigint => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
view.setBigUint64(0, addressOf(request), true);
view.setBigUint64(8, BigInt(request.length), true);
view.setBigUint64(16, addressOf(response), true);
view.setBigUint64(24, BigInt(MAX_RESPONSE), true);
if ((symbols.ioctl?.(descriptor, NSM_IOCTL_RAW, message) ?? -1) < 0) Deno.exit(4);
const length = Number(view.getBigUint64(24, true));
if (length > MAX_RESPONSE) Deno.exit(5);
let written = 0;
while (written < length) written += Deno.stdout.writeSync(response.subarray(written, length));

export {};
