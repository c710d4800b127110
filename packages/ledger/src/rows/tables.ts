/** Steps of the schema that both engines take: tables of rooms, and what came after the engines' own first steps. Only ever added to. */

import { COORDINATION_TABLES } from '../coordination/tables.ts';
import { FLEET_TABLES } from '../fleet/tables.ts';
import { JOB_TABLES, JOB_TASK } from '../jobs/tables.ts';
import { KEY_TABLES, KEYS_IN_STATE } from '../keys/tables.ts';
import { RECEIPTS_OF_FLOOR } from '../state-rows.ts';
import { SEALED_PIECES } from '../stored-pieces.ts';
import { HEAD_DATA_KEY, UPKEEP_LOG_TABLES } from '../upkeep-log/tables.ts';

/** Receipts in the order of the log: the newest that names a state, and the one of an entry. */
const RECEIPTS_BY_ENTRY = 'CREATE INDEX receipts_entry ON receipts (idx) WHERE idx IS NOT NULL;';

export const ROOM_TABLES: readonly string[] = [
  JOB_TABLES,
  SEALED_PIECES,
  RECEIPTS_BY_ENTRY,
  KEY_TABLES,
  COORDINATION_TABLES,
  FLEET_TABLES,
  UPKEEP_LOG_TABLES,
  KEYS_IN_STATE,
  JOB_TASK,
  HEAD_DATA_KEY,
  RECEIPTS_OF_FLOOR,
];
