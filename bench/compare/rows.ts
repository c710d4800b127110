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
  /** Verdicts that are wrong by construction. */
  readonly wrong: readonly string[];
}

/** The runs of one table. With a file each run is kept when it ends, so that a bench that was ended goes on where it was. */
export class Runs {
  readonly #table: string;
  readonly #file: string | undefined;
  readonly #runs = new Map<string, Verdict[]>();

  constructor(table: string, file: string | undefined) {
    this.#table = table;
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const { table: of, what, ...run } = JSON.parse(line) as Verdict & { readonly table: string; readonly what: string };
      if (of === table) this.#of(what).push(run);
    }
  }

  /** Makes runs of a case until there are `count`. */
  async fill(what: string, count: number, work: () => Promise<Verdict>): Promise<void> {
    const runs = this.#of(what);
    while (runs.length < count) {
      const run = await work();
      runs.push(run);
      if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify({ table: this.#table, what, ...run })}\n`);
    }
  }

  row(what: string, wrong: readonly string[]): Row {
    return { what, wrong, verdicts: this.#of(what) };
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
  const head = '| case | verdicts | queries: median, most | wrong | upper 99 % bound |\n| --- | --- | --- | --- | --- |';
  console.log(`\n## ${title}\n\n${head}`);
  for (const row of rows.filter(({ verdicts }) => verdicts.length > 0)) printRow(row);
}

function printRow({ what, verdicts, wrong }: Row): void {
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
    `| ${what} | ${words} | ${queries[queries.length >> 1]}, ${queries.at(-1)} | ${bad} of ${verdicts.length} | ${bound} |`,
  );
}
