/** Which provider serves here. */

import { type NodeCrypto, nodeProvider } from './node.ts';
import type { Provider } from './provider.ts';
import { WEB_PROVIDER } from './web.ts';

/** Node's crypto where there is one, WebCrypto elsewhere. */
export function currentProvider(): Provider {
  const host = globalThis as { readonly process?: { readonly getBuiltinModule?: (name: string) => unknown } };
  const node = host.process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined;
  // Other runtimes lend the name `node:crypto` to a part of it.
  return typeof node?.hash === 'function' && typeof node.generateKeyPairSync === 'function' ? nodeProvider(node) : WEB_PROVIDER;
}

/** {@link currentProvider}, asked once. */
export const PROVIDER: Provider = currentProvider();
