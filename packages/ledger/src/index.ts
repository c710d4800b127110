/** The ledger: its port, the log behind it, and the embedded store. */

export { type Clock, systemClock } from './clock.ts';
export type * from './coordination/port.ts';
export type { PlatformSecret } from './data-key-file.ts';
export { LEDGER_ERROR_KINDS, LedgerError, type LedgerErrorCode } from './errors.ts';
export type * from './fleet/port.ts';
export type * from './jobs/port.ts';
export { createKeyFile, replaceKeyFile } from './key-file.ts';
export * from './keys/port.ts';
export { openLedger } from './open-ledger.ts';
export type * from './port.ts';
export { createSigningKeys } from './signing-keys.ts';
export { makePrivateDirectory } from './sqlite/private-files.ts';
export { GENERATION_KEY, StateHash } from './state-hash.ts';
export { FLOOR_ROW, FLOOR_TASK } from './state-rows.ts';
export { joinStored, openObject, readStored, storedBytes } from './stored-bytes.ts';
export { acknowledgeLoss } from './upkeep/acknowledge-loss.ts';
export { backupStore, migrateStore, restoreStore } from './upkeep/backup.ts';
export { checkLog, type LogCheck, type LogProblem } from './upkeep/check-log.ts';
export { type ErasedReceipt, erasePayloads } from './upkeep/erase-payloads.ts';
export { exportLog, type LogExport } from './upkeep/export-log.ts';
export { type RotatedDataKey, rotateDataKey } from './upkeep/rotate-data-key.ts';
export type { KeptPlace } from './upkeep/row-reader.ts';
export { type StoreStatus, storeStatus } from './upkeep/store-status.ts';
export type * from './upkeep-log/port.ts';
export { type AcknowledgedLoss, putAwayAcknowledgedLoss, readAcknowledgedLoss } from './writer/acknowledged-loss.ts';
