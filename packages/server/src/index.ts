/** What the command line and embedding programs use of the agent. */

export { detectAttester } from './adapters/attesters/detect.ts';
export { createModel } from './adapters/models/select.ts';
export { installNativeImage } from './adapters/sandboxes/native/install.ts';
export { transcriptFromJson } from './adapters/sandboxes/network/transcript.ts';
export {
  type RecordedExecution,
  type ReplayDifference,
  type ReplayReport,
  replayExecution,
} from './adapters/sandboxes/replay.ts';
export { LANES, type SandboxSelection, selectSandbox } from './adapters/sandboxes/select.ts';
export { installSnapshot, installWasmRuntime } from './adapters/sandboxes/wasm/install.ts';
export { type Config, isLoopback, parseConfig } from './config.ts';
export { type Environment, parseEnvFile, readEnvironment } from './env-file.ts';
export { SERVER_ERROR_KINDS, ServerError, type ServerErrorCode } from './errors.ts';
export { type RunningAgent, type StartOptions, startAgent } from './main.ts';
export { systemClock } from './ports/clock.ts';
export type { Sandbox, SandboxFile, SandboxJob, SandboxResult } from './ports/sandbox.ts';
export { type ServeOptions, serve } from './serve.ts';
export { startMessage } from './start-message.ts';
