/** Mutations that keep enough of a genuine input to get past a parser's first checks. Deterministic for a seed. */

/** xorshift128+, so that a failing input can be made again from its number. */
export class Random {
  #a: number;
  #b: number;

  constructor(seed: number) {
    this.#a = (seed | 0) ^ 0x9e3779b9;
    this.#b = Math.imul(seed | 0, 0x85ebca6b) ^ 0xc2b2ae35;
  }

  /** 0 ≤ n < `below`. */
  next(below: number): number {
    let a = this.#a;
    const b = this.#b;
    this.#a = b;
    a ^= a << 23;
    a ^= a >>> 17;
    a ^= b ^ (b >>> 26);
    this.#b = a;
    return ((a + b) >>> 0) % below;
  }
}

const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x30, 0x31, 0x5f, 0x9f, 0xbf, 0x22, 0x7b, 0x5b, 0x0a];

/** `seed` after one to four mutations; never longer than the seed and 64 bytes. */
export function mutate(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let rounds = 1 + random.next(4); rounds > 0; rounds -= 1) bytes = once(bytes, other, random);
  return bytes;
}

function once(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.next(256));
  const at = random.next(bytes.length);
  switch (random.next(8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.next(8));
      return bytes;
    case 1:
      bytes[at] = INTERESTING[random.next(INTERESTING.length)] ?? 0;
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3: {
      const end = Math.min(bytes.length, at + 1 + random.next(32));
      return splice(bytes, at, end, new Uint8Array(0));
    }
    case 4: {
      const length = 1 + random.next(32);
      return splice(bytes, at, at, bytes.slice(at, at + length));
    }
    case 5: {
      const from = random.next(Math.max(1, other.length));
      const length = 1 + random.next(48);
      return splice(bytes, at, Math.min(bytes.length, at + length), other.slice(from, from + length));
    }
    case 6: {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (at + 4 <= bytes.length)
        view.setUint32(at, [0, 1, 0x7fff_ffff, 0xffff_ffff, bytes.length][random.next(5)] ?? 0, random.next(2) === 0);
      return bytes;
    }
    default: {
      const inserted = Uint8Array.from({ length: 1 + random.next(8) }, () => random.next(256));
      return splice(bytes, at, at, inserted);
    }
  }
}

function splice(bytes: Uint8Array, from: number, to: number, inserted: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - (to - from) + inserted.length);
  result.set(bytes.subarray(0, from));
  result.set(inserted, from);
  result.set(bytes.subarray(to), from + inserted.length);
  return result;
}
