/** Contracts that `check-contract.test.ts` deploys: immutables, a linked library, a child three times in a factory, bytes that look like metadata. */

export const SOURCES = {
  'src/Math.sol':
    'pragma solidity ^0.8.0;\nlibrary Math {\n  function twice(uint256 a) external pure returns (uint256) { return a * 2; }\n}\n',
  'src/Token.sol': `pragma solidity ^0.8.0;
import "./Math.sol";
contract Token {
  uint256 public immutable cap;
  address public immutable owner;
  uint256 public constant FEE = 30;
  string public name;
  constructor(uint256 cap_, string memory name_) { cap = cap_; name = name_; owner = msg.sender; }
  function left(uint256 used) external view returns (uint256) { require(used <= cap, "over"); return cap - used; }
  function doubled(uint256 a) external pure returns (uint256) { return Math.twice(a) + FEE; }
}
`,
  'src/Factory.sol': `pragma solidity ^0.8.0;
contract Child { uint256 public x; constructor(uint256 y) { x = y; } }
contract One { function make() external returns (address) { return address(new Child(1)); } }
contract Two { function make() external returns (address) { return address(new Child(2)); } }
contract Factory {
  function one() external returns (address) { return address(new One()); }
  function two() external returns (address) { return address(new Two()); }
  function three() external returns (address) { return address(new Child(3)); }
}
`,
};
/** Its code holds bytes that look like metadata. */
export const CBOR_LIKE = {
  'src/Odd.sol':
    'pragma solidity ^0.8.0;\ncontract Odd {\n  function f() external pure returns (bytes memory) {\n    return hex"a2646970667358221220ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff64736f6c63430008180033";\n  }\n}\n',
};

/** Constructor arguments of Token: a number and a name. */
export const ARGS = [
  1000n.toString(16).padStart(64, '0'),
  '40'.padStart(64, '0'),
  '4'.padStart(64, '0'),
  '436f696e'.padEnd(64, '0'),
].join('');

/** The same; the name ends as code with metadata does. */
export const CBOR_LIKE_ARGS = [
  1000n.toString(16).padStart(64, '0'),
  '40'.padStart(64, '0'),
  '20'.padStart(64, '0'),
  `c2a2646970667358221220${'33'.repeat(10)}64736f6c63430008180033`,
].join('');
