/** What the command line and embedding programs use of the agent. */

export {
  acknowledgeLoss,
  backupStore,
  checkLog,
  erasePayloads,
  exportLog,
  type KeptPlace,
  migrateStore,
  restoreStore,
  rotateDataKey,
  type StoreStatus,
  storeStatus,
  systemClock,
} from '@assay/ledger';
export type { ImageKind, Sandbox, SandboxFile, SandboxJob, SandboxResult } from '@assay/sandbox';
export {
  findProgram,
  installedPackages,
  installNativeImage,
  installSnapshot,
  installWasmRuntime,
  LANES,
  type RecordedExecution,
  type ReplayDifference,
  type ReplayReport,
  replayExecution,
  SANDBOX_ERROR_KINDS,
  SandboxError,
  type SandboxSelection,
  searchPath,
  selectSandbox,
  transcriptFromJson,
} from '@assay/sandbox';
export { installedPrograms, installProgram, PROGRAMS } from './adapters/analyzer/bundled-program.ts';
export { findApplicationSecret } from './adapters/attesters/application-secret.ts';
export { detectAttester } from './adapters/attesters/detect.ts';
export { codeInImage, measureCode } from './adapters/attesters/simulated/measurements.ts';
export { surveyTee, type TeeSurvey } from './adapters/attesters/survey.ts';
export { openCompilers } from './adapters/compilers/compilers.ts';
export { installCompiler } from './adapters/compilers/install.ts';
export { DEFAULT_COMPILERS } from './adapters/compilers/pins.ts';
export { installedCompilers } from './adapters/compilers/store.ts';
export { CATALOGUE, type CatalogueModel, catalogueModel, RECOMMENDED_MODEL } from './adapters/models/embedded/catalogue.ts';
export { EmbeddedModels } from './adapters/models/embedded/embedded-models.ts';
export type { MeasuredPrompt, MeasureOrder } from './adapters/models/embedded/engine-messages.ts';
export { type FetchStanding, fetchModel } from './adapters/models/embedded/fetch-model.ts';
export { type ListedModel, listModels, removeModel } from './adapters/models/embedded/fetched-models.ts';
export { openReferenceEngine, type ReferenceEngine } from './adapters/models/embedded/reference-engine.ts';
export { createModel } from './adapters/models/select.ts';
export { type Config, isLoopback, parseConfig } from './config.ts';
export { type Environment, readEnvironment } from './env-file.ts';
export { SERVER_ERROR_KINDS, ServerError, type ServerErrorCode } from './errors.ts';
export { type ConsoleFiles, consoleDirectory, loadConsole } from './http/routes/console.ts';
export { CONSOLE_POLICY } from './http/security-headers.ts';
export { type RunningAgent, type StartOptions, startAgent } from './main.ts';
export { type Notary, openNotary } from './notary.ts';
export type { ProgressEvent } from './ports/task-events.ts';
export { type ServeOptions, serve } from './serve.ts';
export { startMessage } from './start-message.ts';
