/** The worker for LazAI's code in Python: audits and builds by the commands, its results, and what it refuses. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { analyzerFolder, compilersFolder } from './installed.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const KEY = 'a-key-of-this-agent';
const SCRIPT = `
import asyncio, json, sys
sys.path.insert(0, ${JSON.stringify(join(ROOT, 'packages/assay/python'))})
from lazai_tee import *
BANK = open("Bank.sol").read()
async def attempt(work):
    try:
        return await work
    except (AssayError, NotImplementedError, ValueError) as error:
        return {"error": type(error).__name__, "code": getattr(error, "code", None), "message": str(error)}
async def main():
    worker = LazAITEEWorker(simulated_root="root.pem")
    audit = await worker.attested_audit(BANK)
    build = await worker.attested_build([Contract("Bank", BANK), Contract("Safe.sol", "pragma solidity 0.8.24; contract Safe {}")])
    print(json.dumps({
        "audit": {**vars(audit), "executedAt": audit.executedAt.year, "attestationQuote": sorted(audit.attestationQuote)},
        "build": {"solc": build.solcVersion, "hash": build.buildHash, "names": sorted(build.artifacts),
                  "bytecode": build.artifacts["Bank"].bytecode[:10], "sha256": build.artifacts["Bank"].hash},
        "broken": await attempt(worker.attested_build([Contract("X", "contract {")])),
        "twice": await attempt(worker.attested_build([Contract("X", ""), Contract("X.sol", "")])),
        "outside": await attempt(worker.attested_build([Contract("../X", "")])),
        "remote": await attempt(worker.execute_remote("print(1)")),
        "other root": await attempt(LazAITEEWorker(policy="strict", simulated_root="root.pem").attested_audit(BANK)),
        "other key": await attempt(LazAITEEWorker(worker_key="another", simulated_root="root.pem").attested_audit(BANK)),
    }))
asyncio.run(main())
`;
const BANK = `pragma solidity 0.8.24;
contract Bank {
    mapping(address => uint256) public balances;
    function withdraw() external {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}
`;

let cwd = '';
let agent: RunningAgent;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'assay-lazai-'));
  writeFileSync(join(cwd, 'Bank.sol'), BANK);
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(cwd, '.assay'),
      ASSAY_API_KEY: KEY,
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_COMPILERS_DIR: await compilersFolder('0.8.24'),
      ASSAY_ANALYZER_DIR: await analyzerFolder(),
      AI_PROVIDER: 'recorded',
    }),
  );
  writeFileSync(join(cwd, 'root.pem'), await (await fetch(`${agent.url}/simulated-root.pem`)).text());
}, 600_000);

afterAll(async () => {
  await agent?.close();
  rmSync(cwd, { recursive: true, force: true });
});

it('audits and builds through the commands, and says what it refuses', { timeout: 240_000 }, async () => {
  const ASSAY_COMMAND = `${process.execPath} --conditions=@assay/source ${ROOT}packages/assay/src/command-line/main.ts`;
  const env = { PATH: `${process.env.PATH}`, ASSAY_COMMAND, ASSAY_URL: agent.url, PHALA_WORKER_KEY: KEY };
  const { stdout } = await promisify(execFile)('python3', ['-c', SCRIPT], { cwd, env });
  const said = JSON.parse(stdout);
  expect(said.audit).toMatchObject({
    passed: false,
    teeProvider: 'simulated',
    auditHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(said.audit.findingsCount).toBeGreaterThan(0);
  expect(said.audit.attestationQuote).toContain('evidence');
  expect(said.build).toMatchObject({ solc: '0.8.24', names: ['Bank', 'Safe'], bytecode: expect.stringMatching(/^0x60/) });
  expect(said.broken).toMatchObject({ error: 'AssayError', code: 6, message: expect.stringContaining('ParserError') });
  expect(said.twice).toMatchObject({ error: 'ValueError' });
  expect(said.outside).toMatchObject({ error: 'ValueError', message: expect.stringContaining('../X.sol') });
  expect(said.remote).toMatchObject({ error: 'NotImplementedError', message: expect.stringContaining('attested_audit') });
  expect(said['other root']).toMatchObject({ error: 'AssayError', code: 5 });
  expect(said['other key']).toMatchObject({ error: 'AssayError' });
});
