/** The MCP server around the tools: names, descriptions, schemas. One instance a session. */

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { VERSION } from '../version.ts';
import { TOOL_INPUTS, type Tools } from './tools.ts';

const SCOPE =
  'The result carries a verdict with its scope, every check, and what it does not prove; show the scope, not just the word.';

export function createMcpServer(tools: Tools): McpServer {
  const server = new McpServer({ name: 'assay', version: VERSION });
  server.registerTool(
    'verify_evidence',
    {
      title: 'Verify evidence',
      description: `Checks attestation evidence, a receipt, a bundle or a result file, offline. ${SCOPE}`,
      inputSchema: TOOL_INPUTS.verify_evidence,
      annotations: { readOnlyHint: true },
    },
    (input) => tools.verifyEvidence(input),
  );
  server.registerTool(
    'ask_agent',
    {
      title: 'Ask a verified agent',
      description: `Verifies an agent in a trusted execution environment, then asks it one question over a channel encrypted to its attested key. ${SCOPE}`,
      inputSchema: TOOL_INPUTS.ask_agent,
    },
    (input) => tools.askAgent(input),
  );
  server.registerTool(
    'run_task',
    {
      title: 'Run a task',
      description: `Verifies an agent, has it write and run code for a task, and checks the receipt of the work. ${SCOPE}`,
      inputSchema: TOOL_INPUTS.run_task,
    },
    (input) => tools.runTask(input),
  );
  server.registerTool(
    'fetch_receipt',
    {
      title: 'Fetch and check a receipt',
      description: `Fetches the bundle of one receipt from a verified agent and checks it offline. ${SCOPE}`,
      inputSchema: TOOL_INPUTS.fetch_receipt,
      annotations: { readOnlyHint: true },
    },
    (input) => tools.fetchReceipt(input),
  );
  return server;
}
