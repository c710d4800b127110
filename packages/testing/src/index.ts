export { type JsonRpcServer, startJsonRpcServer } from './json-rpc-server.ts';
export {
  fenced,
  type OpenAiServer,
  type OpenAiServerOptions,
  type ScriptedAnswer,
  startOpenAiServer,
} from './openai-server.ts';
