// SPDX-License-Identifier: MIT
pragma solidity 0.8.24;

// Variants of reentrancy, one contract each, for tests/contracts/reentrancy-variants.test.ts.

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
}

interface IOracle {
    function price() external view returns (uint256);
}

contract Ledger {
    mapping(address => uint256) public balances;
    function deposit() external payable { balances[msg.sender] += msg.value; }
    receive() external payable {}
}

contract CallBeforeWrite is Ledger {
    function withdraw() external {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}

contract WriteBeforeCall is Ledger {
    function withdraw() external {
        uint256 amount = balances[msg.sender];
        balances[msg.sender] = 0;
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok);
    }
}

contract CrossFunction is Ledger {
    function move(address to, uint256 amount) external {
        balances[msg.sender] -= amount;
        balances[to] += amount;
    }
    function withdraw() external {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}

contract GuardedByModifier is Ledger {
    bool private entered;
    modifier nonReentrant() {
        require(!entered);
        entered = true;
        _;
        entered = false;
    }
    function withdraw() external nonReentrant {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}

contract CallInModifier is Ledger {
    modifier pays() {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        _;
    }
    function withdraw() external pays { balances[msg.sender] = 0; }
}

contract ByTransfer is Ledger {
    function withdraw() external {
        payable(msg.sender).transfer(balances[msg.sender]);
        balances[msg.sender] = 0;
    }
}

contract BySend is Ledger {
    function withdraw() external {
        require(payable(msg.sender).send(balances[msg.sender]));
        balances[msg.sender] = 0;
    }
}

contract InternalCall is Ledger {
    function pay(address to, uint256 amount) internal {
        (bool ok, ) = to.call{value: amount}("");
        require(ok);
    }
    function withdraw() external {
        pay(msg.sender, balances[msg.sender]);
        balances[msg.sender] = 0;
    }
}

library Payments {
    function pay(address to, uint256 amount) internal {
        (bool ok, ) = to.call{value: amount}("");
        require(ok);
    }
}

contract ThroughLibrary is Ledger {
    using Payments for address;
    function withdraw() external {
        msg.sender.pay(balances[msg.sender]);
        balances[msg.sender] = 0;
    }
}

contract InLoop is Ledger {
    function withdrawAll(address[] calldata accounts) external {
        for (uint256 i = 0; i < accounts.length; i++) {
            (bool ok, ) = accounts[i].call{value: balances[accounts[i]]}("");
            require(ok);
            balances[accounts[i]] = 0;
        }
    }
}

contract TokenHook {
    IToken public immutable token;
    mapping(address => uint256) public shares;
    constructor(IToken to) { token = to; }
    function tokensReceived(address, address from, address, uint256 amount, bytes calldata, bytes calldata) external {
        shares[from] += amount;
    }
    function redeem() external {
        uint256 amount = shares[msg.sender];
        require(token.transfer(msg.sender, amount));
        shares[msg.sender] = 0;
    }
}

contract Child {
    constructor(address creator) payable { Ledger(payable(creator)).deposit{value: msg.value}(); }
}

contract ByCreation is Ledger {
    function open() external payable {
        new Child{value: msg.value}(address(this));
        balances[msg.sender] = 0;
    }
}

contract BySaltedCreation is Ledger {
    function open(bytes32 salt) external payable {
        new Child{value: msg.value, salt: salt}(address(this));
        balances[msg.sender] = 0;
    }
}

contract Bookkeeper {
    mapping(address => uint256) public held;
    function set(address who, uint256 amount) external { held[who] = amount; }
}

contract CrossContract {
    Bookkeeper public immutable books;
    constructor(Bookkeeper to) { books = to; }
    function withdraw() external {
        uint256 amount = books.held(msg.sender);
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok);
        books.set(msg.sender, 0);
    }
    receive() external payable {}
}

contract ReadOnlyPool is Ledger {
    uint256 public supply;
    function price() external view returns (uint256) { return address(this).balance / supply; }
    function burn(uint256 amount) external {
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok);
        supply -= amount;
    }
}

contract ReadOnlyReader is Ledger {
    IOracle public immutable oracle;
    constructor(IOracle from) { oracle = from; }
    function borrow() external { balances[msg.sender] = oracle.price(); }
}

contract EventAfterCall is Ledger {
    event Paid(address to);
    function notify(IToken token) external {
        require(token.transfer(msg.sender, 1));
        emit Paid(msg.sender);
    }
}

contract BenignCounter is Ledger {
    uint256 internal counter;
    function touch(IToken token) external {
        require(token.transfer(msg.sender, 1));
        counter = 5;
    }
}

contract ByAssembly is Ledger {
    function withdraw() external {
        uint256 amount = balances[msg.sender];
        bool ok;
        assembly { ok := call(gas(), caller(), amount, 0, 0, 0, 0) }
        require(ok);
        balances[msg.sender] = 0;
    }
}

contract ByDelegatecall is Ledger {
    address public code;
    function run() external {
        (bool ok, ) = code.delegatecall("");
        require(ok);
        balances[msg.sender] = 0;
    }
}

contract InTry is Ledger {
    function withdraw(IToken token) external {
        try token.transfer(msg.sender, balances[msg.sender]) returns (bool) {
            balances[msg.sender] = 0;
        } catch {
            balances[msg.sender] += 1;
        }
    }
}

contract Hidden is Ledger {
    // slither-disable-next-line reentrancy-eth
    function withdraw() external {
        (bool ok, ) = msg.sender.call{value: balances[msg.sender]}("");
        require(ok);
        balances[msg.sender] = 0;
    }
}
