/** Every room with tables of its own. A new one is a folder, and one line here. */

import type { Json } from '@assay/encoding/json';
import { JOBS } from '../jobs/operations.ts';
import type { Room, RoomOperation } from './operation.ts';

const ROOMS: readonly Room[] = [JOBS];

const OPERATIONS = new Map(ROOMS.flatMap(({ operations }) => operations.map((operation) => [operation.name, operation])));

/** An operation by its name. */
export function operationNamed(name: string): RoomOperation<unknown, Json> {
  const operation = OPERATIONS.get(name);
  if (operation === undefined) throw new Error(`no room has the operation ${name}`);
  return operation;
}
