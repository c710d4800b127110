/** What the command line and embedding programs use of the agent. */

export { type Config, isLoopback, parseConfig } from './config.ts';
export { type Environment, parseEnvFile, readEnvironment } from './env-file.ts';
export { SERVER_ERROR_KINDS, ServerError, type ServerErrorCode, type ServerErrorKind } from './errors.ts';
export { type RunningAgent, type StartOptions, startAgent } from './main.ts';
export { type ServeOptions, serve, stopSignal } from './serve.ts';
export { startMessage } from './start-message.ts';
