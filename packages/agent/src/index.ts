/** What the command line and embedding programs use of the agent. */

export {
  backupStore,
  checkLog,
  exportLog,
  type KeptPlace,
  migrateStore,
  restoreStore,
  storeStatus,
  systemClock,
} from '@assay/ledger';
export type { ImageKind, Sandbox, SandboxFile, SandboxJob, SandboxResult } from '@assay/sandbox';
export {
  installNativeImage,
  installSnapshot,
  installWasmRuntime,
  LANES,
  type RecordedExecution,
  type ReplayDifference,
  type ReplayReport,
  replayExecution,
  type SandboxSelection,
  selectSandbox,
  transcriptFromJson,
} from '@assay/sandbox';
export { detectAttester } from './adapters/attesters/detect.ts';
export { openCompilers } from './adapters/compilers/compilers.ts';
export { installCompiler } from './adapters/compilers/install.ts';
export { DEFAULT_COMPILERS } from './adapters/compilers/pins.ts';
export { installedCompilers } from './adapters/compilers/store.ts';
export { CATALOGUE, type CatalogueModel, catalogueModel, RECOMMENDED_MODEL } from './adapters/models/embedded/catalogue.ts';
export { EmbeddedModels } from './adapters/models/embedded/embedded-models.ts';
export { type FetchStanding, fetchModel } from './adapters/models/embedded/fetch-model.ts';
export { type ListedModel, listModels, removeModel } from './adapters/models/embedded/fetched-models.ts';
export { createModel } from './adapters/models/select.ts';
export { type Config, isLoopback, parseConfig } from './config.ts';
export { type Environment, parseEnvFile, readEnvironment } from './env-file.ts';
export { SERVER_ERROR_KINDS, ServerError, type ServerErrorCode } from './errors.ts';
export { type RunningAgent, type StartOptions, startAgent } from './main.ts';
export { type ServeOptions, serve } from './serve.ts';
export { startMessage } from './start-message.ts';
