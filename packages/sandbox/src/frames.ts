/**
 * Frames on the pipes between the host and a sandboxed child: `u32be length | u8 type | u32be head length | head (JSON) | body`.
 * `length` counts everything after itself. What comes from the sandbox is attacker input: every length is checked before
 * anything is kept, and a frame that breaks a rule ends the job.
 *
 * This file runs on both sides (Node and deno), so it knows no built-ins. The meaning of the types is the lane's business.
 */

export interface Frame {
  /** 0–255, meaning by lane. */
  readonly type: number;
  /** Parsed JSON object; `{}` when the frame has none. Untrusted. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

export interface FrameBounds {
  /** Longest frame accepted, in bytes after the length field. */
  readonly maxFrameBytes: number;
  /** Longest JSON head accepted, in bytes. */
  readonly maxHeadBytes: number;
}

/** Room for one collected file of the default limits and its head. */
export const DEFAULT_FRAME_BOUNDS: FrameBounds = { maxFrameBytes: 40 * 1024 * 1024, maxHeadBytes: 512 * 1024 };

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** One frame as bytes, ready to write. */
export function encodeFrame(
  type: number,
  head: Readonly<Record<string, unknown>> | null,
  body: Uint8Array = EMPTY,
): Uint8Array {
  const headBytes = head === null ? EMPTY : encoder.encode(JSON.stringify(head));
  const frame = new Uint8Array(9 + headBytes.length + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 5 + headBytes.length + body.length);
  view.setUint8(4, type);
  view.setUint32(5, headBytes.length);
  frame.set(headBytes, 9);
  frame.set(body, 9 + headBytes.length);
  return frame;
}

/**
 * Decodes what stands after the length field. Throws a plain `Error` that says which bound was broken.
 * @throws {Error} that says which bound was broken.
 */
export function decodeFrame(bytes: Uint8Array, bounds: FrameBounds = DEFAULT_FRAME_BOUNDS): Frame {
  if (bytes.length < 5) throw new Error(`expected a frame of at least 5 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headLength = view.getUint32(1);
  if (headLength > bounds.maxHeadBytes || headLength > bytes.length - 5) {
    throw new Error(`expected a head of at most ${Math.min(bounds.maxHeadBytes, bytes.length - 5)} bytes, got ${headLength}`);
  }
  let head: unknown = {};
  if (headLength > 0) head = JSON.parse(decoder.decode(bytes.subarray(5, 5 + headLength)));
  if (typeof head !== 'object' || head === null || Array.isArray(head)) throw new Error('expected a JSON object as head');
  return { type: view.getUint8(0), head: head as Readonly<Record<string, unknown>>, body: bytes.subarray(5 + headLength) };
}

/**
 * Cuts a byte stream into frames. Keeps at most one unfinished frame in memory, and refuses its length before the bytes come.
 *
 * @example
 * const reader = new FrameReader();
 * for await (const chunk of child.stdout) for (const frame of reader.push(chunk)) console.log(frame);
 */
export class FrameReader {
  readonly #bounds: FrameBounds;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Bytes needed before the next step: 4 for a length, then the frame. */
  #need = 4;
  #inFrame = false;

  constructor(bounds: FrameBounds = DEFAULT_FRAME_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Takes a chunk, gives the frames it completes. Throws a plain `Error` on the first frame that breaks a bound. */
  push(chunk: Uint8Array): readonly Frame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    while (this.#size >= this.#need) {
      const bytes = this.#take(this.#need);
      if (this.#inFrame) {
        frames.push(decodeFrame(bytes, this.#bounds));
        this.#need = 4;
        this.#inFrame = false;
        continue;
      }
      const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
      if (length < 5 || length > this.#bounds.maxFrameBytes) {
        throw new Error(`expected a frame length of 5 to ${this.#bounds.maxFrameBytes} bytes, got ${length}`);
      }
      this.#need = length;
      this.#inFrame = true;
    }
    return frames;
  }

  #take(count: number): Uint8Array {
    this.#size -= count;
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= count) {
      if (first.length === count) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const joined = new Uint8Array(count);
    let at = 0;
    let used = 0;
    for (const part of this.#chunks) {
      const wanted = Math.min(part.length, count - at);
      joined.set(part.subarray(0, wanted), at);
      at += wanted;
      if (wanted < part.length) {
        this.#chunks[used] = part.subarray(wanted);
        break;
      }
      used += 1;
      if (at === count) break;
    }
    this.#chunks = this.#chunks.slice(used);
    return joined;
  }
}
