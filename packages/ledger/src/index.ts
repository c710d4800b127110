/** The ledger: its port, the log behind it, and the embedded store. */

export { type Clock, systemClock } from './clock.ts';
export { LEDGER_ERROR_KINDS, LedgerError, type LedgerErrorCode } from './errors.ts';
export type * from './jobs/port.ts';
export { openLedger } from './open-ledger.ts';
export type * from './port.ts';
export { createSigningKeys } from './signing-keys.ts';
export { joinStored, openObject, readStored, storedBytes } from './stored-bytes.ts';
export { backupStore, migrateStore, restoreStore } from './upkeep/backup.ts';
export { checkLog, type LogCheck, type LogProblem } from './upkeep/check-log.ts';
export { exportLog, type LogExport } from './upkeep/export-log.ts';
export type { KeptPlace } from './upkeep/row-reader.ts';
export { type StoreStatus, storeStatus } from './upkeep/store-status.ts';
