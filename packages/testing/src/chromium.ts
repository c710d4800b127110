/** A real Chromium for page tests. Without one on the machine the tests say loudly what they left out. */

import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PATHS = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where Chromium is, or `null`. */
export function chromiumPath(): string | null {
  const found = PATHS.find((path) => path !== undefined && existsSync(path));
  if (found === undefined)
    process.stderr.write('\n*** LEFT OUT: no Chromium on this machine, so no page was tested (apt-get install chromium) ***\n');
  return found ?? null;
}

/** @throws when there is none; ask {@link chromiumPath} first. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error('no Chromium');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Everything a page said that it should not have: errors in its console, exceptions, requests to other origins. */
export function watchPage(page: Page, origin: string): readonly string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) faults.push(`foreign request: ${url}`);
  });
  return faults;
}
