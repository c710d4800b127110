/** What sealing payloads before they are stored adds to an append: rounds with it and rounds that store them in clear, in one process. */

import { randomBytes } from 'node:crypto';
import { DataKey, PIECE_OVERHEAD, type PiecePlace } from '../../packages/ledger/src/data-key.ts';
import { type BenchRow, median } from './figures.ts';
import { OneThread } from './one-thread.ts';

const APPENDS = 1_600;
const MOST_SLOWER = 1.05;
const LENGTHS = [16, 4_096, 65_536];

/** As long as a sealed piece, in clear, and written to the same place. */
function inClear(_place: PiecePlace, bytes: Uint8Array, room = Buffer.allocUnsafe(bytes.length + PIECE_OVERHEAD)): Uint8Array {
  room.set(bytes);
  return room.subarray(0, bytes.length + PIECE_OVERHEAD);
}

/** The rows of payload encryption, one for each length of payload. */
export async function payloadEncryption(rounds: number): Promise<readonly BenchRow[]> {
  const sealPiece = DataKey.prototype.sealPiece;
  const rows: BenchRow[] = [];
  for (const length of LENGTHS) {
    const appends = length > 10_000 ? APPENDS / 4 : APPENDS;
    const store = await OneThread.open();
    const task = () => ({ code: randomBytes(length) });
    const cost = { sealed: [] as number[], clear: [] as number[] };
    try {
      for (let round = 0; round <= rounds; round += 1)
        for (const kind of round % 2 === 0 ? (['sealed', 'clear'] as const) : (['clear', 'sealed'] as const)) {
          DataKey.prototype.sealPiece = kind === 'sealed' ? sealPiece : inClear;
          const each = await store.append(appends, task);
          if (round > 0) cost[kind].push(each);
        }
    } finally {
      DataKey.prototype.sealPiece = sealPiece;
      await store.close();
    }
    const ratio = median(cost.sealed.map((each, n) => each / (cost.clear[n] ?? Number.NaN)));
    rows.push({
      what: `payload encryption, ${length.toLocaleString('en')} bytes, over storing them in clear`,
      figure: `${median(cost.sealed).toFixed(0)} and ${median(cost.clear).toFixed(0)} µs an append, one thread`,
      ratio,
      reach: `≤ ${MOST_SLOWER}`,
      met: ratio <= MOST_SLOWER,
    });
  }
  return rows;
}
