/** `assay compare --watch`: a few queries a round, rounds in intervals, and an alarm when a change is proved. What was scored is kept, so that a watch goes on after a restart. */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import {
  COMPARISON_MODES,
  parseWatchedScores,
  type WatchedScore,
  type WatchStanding,
  watchedScores,
  watchStanding,
} from '@assay/models';
import { writeFileOf } from '../../command-line/destination.ts';
import { interruptOf } from '../../command-line/interrupted.ts';
import type { Io } from '../../command-line/io.ts';
import { jsonText } from '../../command-line/output.ts';
import type { ComparisonFile, ModeName } from './compare-models.ts';

export interface WatchOptions {
  /** Holds `watch.json`. */
  readonly directory: string;
  readonly mode: ModeName;
  /** `null`: until it is ended. */
  readonly rounds: number | null;
  readonly intervalSeconds: number;
  readonly round: () => Promise<ComparisonFile>;
  readonly say: (line: string) => void;
}

/** Queries of one round, unless `--max-queries` says otherwise. */
export const ROUND_QUERIES = 4;

/** Ends with the first alarm, after the rounds, or when it is interrupted. @throws {ModelError} `comparison/malformed` for a `watch.json` that is none. */
export async function watchModels(options: WatchOptions, io: Io): Promise<WatchStanding> {
  const { directory, mode, rounds, intervalSeconds, say } = options;
  const file = join(directory, 'watch.json');
  const { epsilonDifferent, alpha } = COMPARISON_MODES[mode];
  let scores = await keptScores(resolve(io.cwd, file));
  let standing = watchStanding(scores, { epsilonDifferent, alpha });
  for (let round = 1; !standing.changed && !io.signal.aborted && (rounds === null || round <= rounds); round += 1) {
    scores = [...scores, ...(await scoresOfRound(options, io))];
    await writeFileOf(io, file, utf8(jsonText(scores)));
    standing = watchStanding(scores, { epsilonDifferent, alpha });
    say(`round ${round}: ${lineOf(standing)}`);
    if (!standing.changed && round !== rounds)
      await sleep(intervalSeconds * 1000, undefined, { signal: io.signal }).catch(() => undefined);
  }
  return standing;
}

/** A round that the parties do not answer is a failed query, and the watch goes on. One that is interrupted has none. */
async function scoresOfRound({ round }: WatchOptions, io: Io): Promise<readonly WatchedScore[]> {
  try {
    return watchedScores(await round(), io.now());
  } catch (error) {
    if (interruptOf(error) !== null) return [];
    if (!isCoded(error) || error.kind !== 'unavailable') throw error;
    return [{ time: io.now(), provider: null, fingerprint: null, score: null }];
  }
}

async function keptScores(path: string): Promise<readonly WatchedScore[]> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return [];
  try {
    return parseWatchedScores(JSON.parse(text));
  } catch (error) {
    return parseWatchedScores(isCoded(error) ? JSON.parse(text) : null);
  }
}

function lineOf({ strata, share, failed, changed }: WatchStanding): string {
  const [all, ...others] = strata;
  const named = others
    .filter((stratum) => stratum.changed)
    .map(({ provider, fingerprint }) => provider ?? fingerprint ?? 'unnamed');
  const where = changed ? `CHANGED${named.length > 0 ? ` at ${named.join(', ')}` : ''}` : 'no change';
  return `${where}; ${all?.queries ?? 0} queries, ${failed} without a score, ${(100 * share).toFixed(1)} % apart, wealth e^${(all?.log ?? 0).toFixed(1)} of e^${(all?.bound ?? 0).toFixed(1)}`;
}
