/** Steps of the schema that both engines take: tables of rooms, and what came after the engines' own first steps. Only ever added to. */

import { JOB_TABLES } from '../jobs/tables.ts';
import { SEALED_PIECES } from '../stored-pieces.ts';

export const ROOM_TABLES: readonly string[] = [JOB_TABLES, SEALED_PIECES];
