/** The tables of all rooms, one step of the schema each; both engines read them. Only ever added to. */

import { JOB_TABLES } from '../jobs/tables.ts';

export const ROOM_TABLES: readonly string[] = [JOB_TABLES];
