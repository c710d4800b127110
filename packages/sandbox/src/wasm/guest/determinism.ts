/**
 * A clock that only the code's own doings move, entropy from the job's seed, and one order for everything that happens later:
 * work of the engine first, in the order in which it was asked for, then requests, then timers. `substitutes.ts` puts them in
 * place of the engine's own.
 *
 * The clock starts at the job's epoch, moves 1 µs with each reading (so that rates are never divided by zero and busy waits
 * end), and jumps to the due time of each timer that fires. Timers still wait in real time and fire in due order.
 */

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly order: number;
  readonly interval: number | null;
  readonly fire: () => void;
}

const realSetTimeout = globalThis.setTimeout.bind(globalThis);
const realClearTimeout = globalThis.clearTimeout.bind(globalThis);

const timers: Timer[] = [];
let epochMs = 1_767_225_600_000;
let elapsedUs = 0;
let words = new Uint32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 0xdeadbeef]);

/** Starts clock and entropy from the job's values and forgets timers. Called before code runs and before a snapshot is made. */
export function reset(seed: string, epoch: number): void {
  timers.length = 0;
  epochMs = epoch;
  elapsedUs = 0;
  words = new Uint32Array(4);
  for (let index = 0; index < 8; index += 1) {
    const word = Number.parseInt(seed.slice(index * 8, index * 8 + 8), 16) >>> 0;
    words[index % 4] = ((words[index % 4] ?? 0) ^ Math.imul(word, index < 4 ? 1 : 0x85ebca6b)) >>> 0;
  }
  if (words.every((word) => word === 0)) words[0] = 1;
  for (let index = 0; index < 16; index += 1) nextWord();
}

/** Milliseconds since the job began, with µs resolution; each call moves the clock by 1 µs. */
export function elapsed(): number {
  elapsedUs += 1;
  return elapsedUs / 1000;
}

/** Epoch milliseconds at which the job began. */
export function epoch(): number {
  return epochMs;
}

/** Epoch milliseconds with fraction. */
export function wallClock(): number {
  return epochMs + elapsed();
}

/** Moves the clock without waiting (Python's `time.sleep`). */
export function advance(milliseconds: number): void {
  if (milliseconds > 0 && Number.isFinite(milliseconds)) elapsedUs += Math.round(milliseconds * 1000);
}

/** xoshiro128**: public seed, so speed and quality matter here, secrecy does not. */
function nextWord(): number {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
  const third = c ^ a;
  const fourth = d ^ b;
  words[1] = (b ^ third) >>> 0;
  words[0] = (a ^ fourth) >>> 0;
  words[2] = (third ^ (b << 9)) >>> 0;
  words[3] = rotate(fourth, 11) >>> 0;
  return result;
}

function rotate(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}

/** Fills any buffer view with seeded bytes. */
export function fillRandom<View extends ArrayBufferView>(view: View): View {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at += 4) {
    let word = nextWord();
    for (let index = at; index < Math.min(at + 4, bytes.length); index += 1) {
      bytes[index] = word & 255;
      word >>>= 8;
    }
  }
  return view;
}

/** A number from 0 to 1, 53 bits. */
export function nextFraction(): number {
  return (nextWord() >>> 5) / 2 ** 27 + (nextWord() >>> 6) / 2 ** 53;
}

/** A version 4 UUID from the seeded bytes. */
export function randomUuid(): string {
  const bytes = fillRandom(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 15) | 64;
  bytes[8] = ((bytes[8] ?? 0) & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

let nextTimer = 1;
let order = 0;
let pump: ReturnType<typeof realSetTimeout> | null = null;
/** Work that must happen before the next timer, e.g. sending queued requests. */
let beforeTimers: () => void = () => {};

/** Registers what has to run before each timer. */
export function onTurn(work: () => void): void {
  beforeTimers = work;
}

/** Registers a timer; gives its number. `delay` and `interval` in milliseconds. */
export function schedule(fire: () => void, delay: number, interval: number | null, id = nextTimer++): number {
  const wait = Number.isFinite(delay) && delay > 1 ? Math.min(delay, 2 ** 31 - 1) : 1;
  const timer = { id, due: elapsedUs + wait * 1000, order: order++, interval, fire };
  const at = timers.findIndex((other) => other.due > timer.due);
  timers.splice(at === -1 ? timers.length : at, 0, timer);
  arm();
  return id;
}

function arm(): void {
  if (pump !== null) realClearTimeout(pump);
  pump = null;
  const head = timers[0];
  if (head !== undefined && engineWork === 0) pump = realSetTimeout(turn, Math.max(0, (head.due - elapsedUs) / 1000));
}

/** Work that the engine does on other threads and that has not ended. No timer fires before it has. */
let engineWork = 0;
let lastWork: Promise<unknown> = Promise.resolve();

/**
 * Has the engine do something that takes it real time (WebCrypto, blobs): one after the other, each before the next timer, so
 * that the order of results never depends on the machine.
 */
export function inTurn<Result>(start: () => Promise<Result>): Promise<Result> {
  engineWork += 1;
  const result = lastWork.then(start);
  const finished = (): void => {
    engineWork -= 1;
    arm();
  };
  lastWork = result.then(finished, finished);
  return result;
}

/** True when nothing of this program waits to happen. */
export function isIdle(): boolean {
  return timers.length === 0 && engineWork === 0;
}

/** Forgets every timer. */
export function forgetTimers(): void {
  timers.length = 0;
}

function turn(): void {
  pump = null;
  if (engineWork > 0) return;
  beforeTimers();
  const timer = timers.shift();
  if (timer === undefined) return;
  elapsedUs = Math.max(elapsedUs, timer.due);
  if (timer.interval !== null) schedule(timer.fire, timer.interval, timer.interval, timer.id);
  else arm();
  timer.fire();
}

/** Removes a timer by its number or handle. */
export function clear(id: unknown): void {
  const wanted = typeof id === 'object' && id !== null && Symbol.toPrimitive in id ? Number(id) : id;
  const at = timers.findIndex((timer) => timer.id === wanted);
  if (at === -1) return;
  timers.splice(at, 1);
  arm();
}

/** What `setTimeout` gives back: number-like, with the members that Node programs expect. */
export function handleOf(id: number): object {
  const handle = {
    ref: () => handle,
    unref: () => handle,
    hasRef: () => true,
    close: () => clear(id),
    [Symbol.toPrimitive]: () => id,
    [Symbol.dispose]: () => clear(id),
  };
  return handle;
}
