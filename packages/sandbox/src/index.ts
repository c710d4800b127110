/** The sandbox: its port, the choice of a lane, replays of what ran, and what installs the lanes' images. */

export { SANDBOX_ERROR_KINDS, SandboxError, type SandboxErrorCode } from './errors.ts';
export { MAX_SKIPPED_FILES, pathDefect } from './files.ts';
export { installedPackages } from './installed-packages.ts';
export { digestTree, type InstalledImage } from './native/image.ts';
export type { ImageKind } from './native/images.ts';
export { installNativeImage } from './native/install.ts';
export { findProgram, searchPath } from './native/programs.ts';
export { transcriptFromJson, transcriptToJson } from './network/transcript.ts';
export { OpeningSandbox } from './opening.ts';
export type * from './port.ts';
export {
  type RecordedExecution,
  type ReplayDifference,
  type ReplayReport,
  replayExecution,
} from './replay.ts';
export { LANES, type LaneRefusal, type SandboxOptions, type SandboxSelection, selectSandbox } from './select.ts';
export { installSnapshot, installWasmRuntime } from './wasm/install.ts';
export { findRuntimeFiles } from './wasm/runtime-files.ts';
