/** The rows outside of the log that no receipt names, sealed under the data key: jobs with their inputs and steps. Each must open at its place. API keys are counted. */

import { isCoded } from '@assay/encoding/coded-error';
import type { DataKey } from '../data-key.ts';
import { inputOf } from '../jobs/operations.ts';
import { openJobInput, openJobText } from '../jobs/texts.ts';
import { KEY_COLLECTION } from '../keys/key-book.ts';
import { type Operation, query } from '../rows/operation.ts';
import { GENERATION_KEY } from '../state-hash.ts';
import { jobRowsAfter, stepRows } from './log-rows.ts';
import type { RowReader } from './row-reader.ts';

export interface RowCounts {
  readonly jobs: number;
  readonly keys: number;
}

/** @param note told of each row that does not open. */
export async function checkRows(reader: RowReader, key: DataKey, note: (what: string) => void): Promise<RowCounts> {
  const opens = (name: string, open: () => unknown): void => {
    try {
      open();
    } catch (cause) {
      if (!isCoded(cause)) throw cause;
      note(`${name}: ${cause.message} [${cause.code}]`);
    }
  };
  return {
    jobs: await checkJobs(reader, key, opens),
    keys: await reader.read(countKeys()),
  };
}

type Opens = (name: string, open: () => unknown) => void;

async function checkJobs(reader: RowReader, dataKey: DataKey, opens: Opens): Promise<number> {
  let count = 0;
  let rows = await reader.read(jobRowsAfter(0));
  while (rows.length > 0) {
    let last = 0;
    for (const row of rows) {
      count += 1;
      last = Number(row.cursor);
      const id = String(row.id);
      for (const text of ['payload', 'progress', 'result'] as const)
        if (row[text] !== null) opens(`the ${text} of ${id}`, () => openJobText(dataKey, id, text, String(row[text])));
      for (const { name, result } of await reader.read(stepRows(id)))
        opens(`the step ${name} of ${id}`, () => openJobText(dataKey, id, `step/${name}`, String(result)));
      const pieces = await reader.read(inputOf(id));
      if (pieces.length > 0) opens(`the input of ${id}`, () => openJobInput(dataKey, id, pieces));
    }
    rows = await reader.read(jobRowsAfter(last));
  }
  return count;
}

/** Their seals, and that none is missing, is held against the log with the rest of the state. */
function* countKeys(): Operation<number> {
  const [row] = yield query(
    'SELECT count(*) AS n FROM state WHERE collection = $1 AND key <> $2',
    KEY_COLLECTION,
    GENERATION_KEY,
  );
  return Number(row?.n);
}
