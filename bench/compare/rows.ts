/** Rows of the tables of `bench:compare`, and the runs that they are made of, which a second call goes on from. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export interface Verdict {
  readonly verdict: string;
  readonly queries: number;
  readonly coarse?: boolean;
}

export interface Row {
  readonly what: string;
  readonly verdicts: readonly Verdict[];
  /** Attempts that ended in an error, and were made again. */
  readonly failed: number;
  /** Verdicts that are wrong by construction. */
  readonly wrong: readonly string[];
}

/** So many attempts of one run that end in an error end the bench. */
const MOST_ATTEMPTS = 3;
/** Runs of a case under one calibration. */
const ROUND = 5;

/** Counts of runs up to which all cases are brought, in turn. */
export function rounds(runs: number): readonly number[] {
  return Array.from({ length: Math.ceil(runs / ROUND) }, (_, index) => Math.min(runs, (index + 1) * ROUND));
}

/** A line of the file: a run, or an attempt that ended in an error. */
type Kept = { readonly table: string; readonly what: string } & (Verdict | { readonly failed: string });

/** The runs of one table. With a file each run is kept when it ends, so that a bench that was ended goes on where it was. */
export class Runs {
  readonly #table: string;
  readonly #file: string | undefined;
  readonly #runs = new Map<string, Verdict[]>();
  readonly #failed = new Map<string, number>();

  constructor(table: string, file: string | undefined) {
    this.#table = table;
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const kept = JSON.parse(line) as Kept;
      if (kept.table === table) this.#add(kept);
    }
  }

  /**
   * Makes runs of a case until there are `count`. A run that ends in an error has no verdict: it is counted, and made again.
   * @param work is given the number of the run.
   */
  async fill(what: string, count: number, work: (index: number) => Promise<Verdict>): Promise<void> {
    const runs = this.#of(what);
    for (let attempt = 1; runs.length < count; attempt += 1)
      try {
        const { verdict, queries, coarse } = await work(runs.length);
        this.#keep({ table: this.#table, what, verdict, queries, ...(coarse === undefined ? {} : { coarse }) });
        attempt = 0;
      } catch (error) {
        this.#keep({ table: this.#table, what, failed: String(error) });
        console.error(`${what}: ${String(error)}`);
        if (attempt === MOST_ATTEMPTS) throw error;
      }
  }

  row(what: string, wrong: readonly string[]): Row {
    return { what, wrong, verdicts: this.#of(what), failed: this.#failed.get(what) ?? 0 };
  }

  #keep(kept: Kept): void {
    this.#add(kept);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(kept)}\n`);
  }

  #add(kept: Kept): void {
    if ('failed' in kept) this.#failed.set(kept.what, (this.#failed.get(kept.what) ?? 0) + 1);
    else this.#of(kept.what).push(kept);
  }

  #of(what: string): Verdict[] {
    const runs = this.#runs.get(what) ?? [];
    this.#runs.set(what, runs);
    return runs;
  }
}

/** One-sided 99 % upper bound of a rate (Wilson). */
export function upperBound(count: number, n: number): number {
  const z = 2.326;
  const rate = count / n;
  return (rate + (z * z) / (2 * n) + z * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
}

export function printTable(title: string, rows: readonly Row[]): void {
  const head =
    '| case | verdicts | queries: median, most | wrong | upper 99 % bound | made again after an error |\n| --- | --- | --- | --- | --- | --- |';
  console.log(`\n## ${title}\n\n${head}`);
  for (const row of rows.filter(({ verdicts }) => verdicts.length > 0)) printRow(row);
}

function printRow({ what, verdicts, wrong, failed }: Row): void {
  const counts = new Map<string, number>();
  for (const { verdict, coarse } of verdicts) {
    const word = coarse === true ? `${verdict} (coarse)` : verdict;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const queries = verdicts.map((each) => each.queries).sort((a, b) => a - b);
  const bad = verdicts.filter(({ verdict }) => wrong.includes(verdict)).length;
  const words = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  const bound = upperBound(bad, verdicts.length).toFixed(3);
  console.log(
    `| ${what} | ${words} | ${queries[queries.length >> 1]}, ${queries.at(-1)} | ${bad} of ${verdicts.length} | ${bound} | ${failed} |`,
  );
}
