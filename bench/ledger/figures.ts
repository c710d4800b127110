/** Figures of a bench: medians and high percentiles, processor time, and the rows of its table. */

/** One row: what, the figure, the ratio that the reach speaks of, and the reach. */
export interface BenchRow {
  readonly what: string;
  readonly figure: string;
  readonly ratio: number;
  readonly reach: string;
  readonly met: boolean;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Processor microseconds of this process, all threads. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export function printRow({ what, figure, ratio, reach, met }: BenchRow): void {
  console.log(`| ${what} | ${figure} | ${ratio.toFixed(2)} | ${reach}: ${met ? 'met' : '**missed**'} |`);
}
