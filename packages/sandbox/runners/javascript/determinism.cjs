'use strict';

/**
 * Replaces clock and entropy of this process by a stream that follows from the job's seed, so that a re-run sees the same
 * values. Cooperative: code can get round it, and then its re-run simply differs.
 */

const crypto = require('node:crypto');

function install({ seed, epochMs }) {
  const fill = stream(Buffer.from(seed, 'hex'));
  const word = () => {
    const bytes = Buffer.alloc(8);
    fill(bytes);
    return bytes.readUInt32BE(0) * 2 ** 21 + (bytes.readUInt32BE(4) >>> 11);
  };
  Math.random = () => word() / 2 ** 53;
  const getRandomValues = (array) => {
    fill(Buffer.from(array.buffer, array.byteOffset, array.byteLength));
    return array;
  };
  const randomBytes = (size, callback) => {
    const bytes = Buffer.alloc(size);
    fill(bytes);
    if (!callback) return bytes;
    process.nextTick(callback, null, bytes);
    return undefined;
  };
  const randomUUID = () => {
    const hex = randomBytes(16);
    hex[6] = (hex[6] & 0x0f) | 0x40;
    hex[8] = (hex[8] & 0x3f) | 0x80;
    return hex.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  };
  Object.assign(crypto, {
    randomBytes,
    randomUUID,
    randomFillSync: getRandomValues,
    randomInt: (low, high) =>
      high === undefined ? Math.floor(Math.random() * low) : low + Math.floor(Math.random() * (high - low)),
  });
  for (const [name, value] of Object.entries({ getRandomValues, randomUUID })) {
    Object.defineProperty(globalThis.crypto, name, { value, configurable: true, writable: true });
  }

  // Moves only with what the program does: a microsecond a reading, and as long as it asked a timer to wait.
  let clockMs = epochMs;
  const now = () => {
    clockMs += 0.001;
    return Math.floor(clockMs);
  };
  const realTimeout = globalThis.setTimeout;
  globalThis.setTimeout = Object.assign((action, delay = 0, ...values) => {
    const due = clockMs + (Number(delay) || 0);
    return realTimeout(() => {
      clockMs = Math.max(clockMs, due);
      action(...values);
    }, delay);
  }, realTimeout);

  const Real = Date;
  class FrozenDate extends Real {
    constructor(...args) {
      if (args.length === 0) super(now());
      else super(...args);
    }
    static now() {
      return now();
    }
  }
  globalThis.Date = new Proxy(FrozenDate, { apply: () => new FrozenDate().toString() });
  const started = clockMs;
  Object.defineProperty(globalThis.performance, 'now', {
    value: () => {
      now();
      return clockMs - started;
    },
    configurable: true,
  });
}

/** Bytes of SHA-256(seed ‖ counter), in order. */
function stream(seed) {
  let counter = 0;
  let block = Buffer.alloc(0);
  return (target) => {
    for (let at = 0; at < target.length; ) {
      if (block.length === 0) {
        const index = Buffer.alloc(8);
        index.writeBigUInt64BE(BigInt(counter));
        counter += 1;
        block = crypto.createHash('sha256').update(seed).update(index).digest();
      }
      const count = Math.min(block.length, target.length - at);
      block.copy(target, at, 0, count);
      block = block.subarray(count);
      at += count;
    }
  };
}

module.exports = { install };
