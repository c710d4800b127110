/** The MCP server around the tools: names, descriptions, schemas. One instance a session. */

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { VERSION } from '../command-line/version.ts';
import { toolCallOf } from './progress.ts';
import { TOOL_INPUTS, type Tools } from './tools.ts';

const SCOPE =
  'The result carries a verdict with its scope, every check, and what it does not prove; show the scope, not just the word.';
const SHORT =
  'The result carries a short verdict with its scope; show the scope, not just the word. fetch_receipt gives every check.';

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
      description: `Verifies an agent in a trusted execution environment, then asks it one question over a channel encrypted to its attested key. ${SHORT}`,
      inputSchema: TOOL_INPUTS.ask_agent,
    },
    (input) => tools.askAgent(input),
  );
  server.registerTool(
    'run_task',
    {
      title: 'Run a task',
      description: `Verifies an agent, has it write and run code for a task, and checks the receipt of the work. Long output is cut; fetch_artifact gets the rest, and the files that the code left. ${SHORT}`,
      inputSchema: TOOL_INPUTS.run_task,
    },
    (input, extra) => tools.runTask(input, toolCallOf(extra)),
  );
  server.registerTool(
    'fetch_artifact',
    {
      title: 'Fetch what a task left',
      description:
        'Gives a file that a task of run_task left, or its whole stdout, stderr or code, in parts of up to 64 KiB, checked against the receipt of the task.',
      inputSchema: TOOL_INPUTS.fetch_artifact,
      annotations: { readOnlyHint: true },
    },
    (input, extra) => tools.fetchArtifact(input, toolCallOf(extra)),
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
