/** What the bench of contracts works on: one contract of some 250 lines, and every contract of OpenZeppelin. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const OZ = [
  '@openzeppelin/contracts',
  '5.0.2',
  'sha512-ytPc6eLGcHHnapAZ9S+5qsdomhjo6QBHTDRRBFfTxXIpsicMhVPouPgmUPebZZZGX7vt9USA+Z+0M0dSVtSUEA==',
] as const;

/** Published contracts of 200 to 300 lines: each that OpenZeppelin has, and the pair of Uniswap, nearly all of it code. */
export const V2_CORE = [
  '@uniswap/v2-core',
  '1.0.1',
  'sha512-MtybtkUPSyysqLY2U210NBDeCHX+ltHt3oADGdjqoThZaFRDKwM6k1Nb3F0A3hk5hwuQvytFWhrWHOEq6nVJ8Q==',
] as const;
export const PUBLISHED = [
  { folder: OZ, entry: 'access/AccessControl.sol', version: '0.8.24' },
  { folder: OZ, entry: 'governance/utils/Votes.sol', version: '0.8.24' },
  { folder: OZ, entry: 'proxy/utils/Initializable.sol', version: '0.8.24' },
  { folder: OZ, entry: 'utils/cryptography/MerkleProof.sol', version: '0.8.24' },
  { folder: OZ, entry: 'token/ERC20/extensions/ERC4626.sol', version: '0.8.24' },
  { folder: V2_CORE, entry: 'contracts/UniswapV2Pair.sol', version: '0.5.16' },
] as const;

/** A ledger with accounts, allowances, fees and pools; some of it reenters. */
export function ledgerContract(): string {
  const pools = Array.from({ length: 16 }, (_, pool) => pool).map(
    (pool) => `
    function deposit${pool}() external payable open {
        require(msg.value > 0, "nothing");
        pools[${pool}][msg.sender] += msg.value;
        totals[${pool}] += msg.value;
        emit Deposited(${pool}, msg.sender, msg.value);
    }

    function withdraw${pool}(uint256 amount) external open {
        require(pools[${pool}][msg.sender] >= amount, "too much");
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "refused");
        pools[${pool}][msg.sender] -= amount;
        totals[${pool}] -= amount;
    }`,
  );
  return `// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;
contract Ledger {
    event Deposited(uint256 pool, address who, uint256 value);
    address public owner;
    bool public paused;
    mapping(uint256 => mapping(address => uint256)) public pools;
    mapping(uint256 => uint256) public totals;

    constructor() { owner = msg.sender; }

    modifier open() { require(!paused, "paused"); _; }

    function pause(bool to) external { require(msg.sender == owner); paused = to; }
${pools.join('\n')}
}
`;
}

/** Every file of the package, imported by one entry. */
export function openZeppelinProject(folder: string): { readonly entry: string; readonly read: (name: string) => string } {
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.sol')).sort();
  const imports = files.map((name) => `import "@openzeppelin/contracts/${name}";`);
  return {
    entry: `// SPDX-License-Identifier: MIT\npragma solidity 0.8.24;\n${imports.join('\n')}\n`,
    read: (name) => readFileSync(join(folder, name.replace('@openzeppelin/contracts/', '')), 'utf8'),
  };
}
