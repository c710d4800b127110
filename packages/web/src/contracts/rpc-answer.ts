/** An EIP-1193 error as JSON-RPC writes it. */
export function fail(error: unknown): { readonly code: number; readonly message: string } {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return { code: typeof code === 'number' ? code : -32_000, message: String(message ?? error).slice(0, 200) };
}
