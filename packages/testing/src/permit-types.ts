/** EIP-2612's permit as tests of the wallet sign and read it. */
const field = (name: string, type: string) => ({ name, type });

export const PERMIT_TYPES = {
  Permit: [
    field('owner', 'address'),
    field('spender', 'address'),
    field('value', 'uint256'),
    field('nonce', 'uint256'),
    field('deadline', 'uint256'),
  ],
};
