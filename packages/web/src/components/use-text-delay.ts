import { useEffect, useState } from 'preact/hooks';

const DELAY_MS = 200;

/** The text once it has rested for a moment: for searches that run while one types. */
export function useTextDelay(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}
