#!/usr/bin/env node
// What bare Slither takes for `solc` in tests: `--version`, and `--combined-json` for one file, answered by the soljson.js of SOLJSON.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const soljson = createRequire(import.meta.url)(process.env.SOLJSON);
const version = soljson.cwrap('solidity_version', 'string', [])();
const file = process.argv.slice(2).find((arg) => arg.endsWith('.sol'));
if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else {
  const settings = { outputSelection: { '*': { '*': ['*'], '': ['ast'] } } };
  const input = { language: 'Solidity', sources: { [file]: { content: readFileSync(file, 'utf8') } }, settings };
  const output = JSON.parse(
    soljson.cwrap('solidity_compile', 'string', ['string', 'number', 'number'])(JSON.stringify(input), 0, 0),
  );
  const contracts = {};
  for (const [source, each] of Object.entries(output.contracts))
    for (const [name, { abi, evm, userdoc, devdoc }] of Object.entries(each))
      contracts[`${source}:${name}`] = {
        ...{ abi, userdoc, devdoc, bin: evm.bytecode.object, 'bin-runtime': evm.deployedBytecode.object },
        ...{ srcmap: evm.bytecode.sourceMap, 'srcmap-runtime': evm.deployedBytecode.sourceMap },
      };
  const sources = Object.fromEntries(Object.entries(output.sources).map(([name, { ast }]) => [name, { AST: ast }]));
  process.stdout.write(JSON.stringify({ contracts, sources, sourceList: Object.keys(sources), version }));
}
