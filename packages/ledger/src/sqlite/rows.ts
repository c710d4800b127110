/** Runs operations of rooms on the embedded database, in the turn of the call. */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Operation, Row } from '../rows/operation.ts';

/** Statements that stay prepared. */
const MOST_PREPARED = 200;

export class SqliteRows {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs one operation; the caller holds the transaction. */
  run<Result>(operation: Operation<Result>): Result {
    for (let step = operation.next(); ; ) {
      if (step.done === true) return step.value;
      const { text, values } = step.value;
      step = operation.next(this.#statement(text).all(...values) as readonly Row[]);
    }
  }

  #statement(text: string): StatementSync {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(text.replace(/\$(\d+)/g, '?$1'));
    if (this.#prepared.size >= MOST_PREPARED) this.#prepared.clear();
    this.#prepared.set(text, statement);
    return statement;
  }
}
